// A process that sends each handle back that it is sent.
process.on('message', (message, handle) => process.send!(message, handle as never))
