#!/usr/bin/env bash
# A Pool of undici that has had no request, and no connection, holds 18 KB of the heap; a Client holds 2. It makes the queue
# of what would wait for a connection at once, a ring of 2048 places, and does so as well where all that it may have is one
# connection: a thousand backends hold 18 MB before the first request.
# undici 7.30.2, on node 20.20.2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund undici@7.30.2 >/dev/null 2>&1
cat >own.cjs <<'EOS'
const { Client, Pool } = require('undici')
const kinds = {
  client: (origin) => new Client(origin),
  pool: (origin) => new Pool(origin),
  'pool of one connection': (origin) => new Pool(origin, { connections: 1, pipelining: 1 })
}
for (const [name, make] of Object.entries(kinds)) {
  const kept = []
  const grow = (count) => {
    for (let i = 0; i < count; i++) kept.push(make(`http://backend-${kept.length}.invalid`))
    gc()
    return process.memoryUsage().heapUsed
  }
  const before = grow(100)
  console.log(name, Math.round((grow(1000) - before) / 1000 / 1024), 'KB')
}
EOS
diff <(node --expose-gc own.cjs) - <<'EOS'
client 2 KB
pool 18 KB
pool of one connection 18 KB
EOS
echo 'as described'
