#!/usr/bin/env bash
# The option `undici` of @fastify/reply-from takes any object with `request`, and `http` or `http2` do without undici. All
# of undici is loaded none the less, with fetch, WebSockets, caches and cookies: its index is required at the top, and
# loads its parts at once. A pool alone, by its own file, is a fifth of that.
# @fastify/reply-from 12.6.5, undici 7.30.2, fastify 5.12.8, on node 20.20.2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @fastify/reply-from@12.6.5 undici@7.30.2 fastify@5.12.8 >/dev/null 2>&1
cat >own.cjs <<'EOF'
const loaded = (part = '') => Object.keys(require.cache).filter((file) => file.includes(`node_modules/undici/${part}`)).length
const [what] = process.argv.slice(2)
const options = { undici: { undici: { request() {} } }, http: { http: {} } }[what]
if (options) {
  const app = require('fastify')()
  app.register(require('@fastify/reply-from'), { base: 'http://backend.invalid', ...options })
  app.ready().then(() => console.log(what, loaded(), loaded('lib/web/')))
} else {
  require('undici/lib/dispatcher/pool.js')
  console.log(what, loaded(), loaded('lib/web/'))
}
EOF
diff <(for what in undici http pool; do node own.cjs "$what"; done) - <<'EOF'
undici 110 35
http 110 35
pool 22 0
EOF
echo 'as described'
