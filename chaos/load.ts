import { type Load, type LoadSetting, startLoad } from './load/loops.js'
import { SampleRecorder } from './load/samples.js'

// The load generator, in a process of its own: its parent sends a LoadSetting to start it and 'stop' to end it, and
// gets the Samples.

const recorder = new SampleRecorder()
let load: Load | undefined

process.on('message', async (message: LoadSetting | 'stop') => {
  if (message !== 'stop') {
    load = startLoad(message, recorder)
    return
  }
  await load?.stop()
  process.send!(recorder.samples(), () => process.disconnect())
})
process.on('disconnect', () => process.exit())
