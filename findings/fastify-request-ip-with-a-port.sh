#!/usr/bin/env bash
# Behind a proxy that writes the client's port into X-Forwarded-For (gateways of Azure do), Fastify's request.ip and
# Express' req.ip are no IP addresses: "203.0.113.5:43462". Both take the text of the last hop that is not trusted as it
# stands. Lists of addresses and keys of rate limits that are compared with it then never match.
# fastify 5.12.8 with @fastify/proxy-addr 5.1.3; express 5.1.0 with proxy-addr 2.0.8
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund fastify@5.12.8 @fastify/proxy-addr@5.1.3 express@5.1.0 proxy-addr@2.0.8
cat >seen.cjs <<'EOF'
const fastify = require('fastify')({ trustProxy: '127.0.0.0/8' })
const express = require('express')().set('trust proxy', '127.0.0.0/8')
fastify.get('/', async (request) => request.ip)
express.get('/', (req, res) => res.send(req.ip))

async function main() {
  const server = express.listen(0, '127.0.0.1')
  const origins = [await fastify.listen({ port: 0, host: '127.0.0.1' }), `http://127.0.0.1:${server.address().port}`]
  for (const value of ['203.0.113.5', '203.0.113.5:43462', '[2001:db8::1]:8080']) {
    const headers = { 'x-forwarded-for': value }
    const seen = await Promise.all(origins.map((origin) => fetch(origin, { headers }).then((r) => r.text())))
    console.log(`${value} -> fastify ${seen[0]}, express ${seen[1]}`)
  }
  process.exit()
}
main()
EOF
diff <(node seen.cjs) - <<'EOF'
203.0.113.5 -> fastify 203.0.113.5, express 203.0.113.5
203.0.113.5:43462 -> fastify 203.0.113.5:43462, express 203.0.113.5:43462
[2001:db8::1]:8080 -> fastify [2001:db8::1]:8080, express [2001:db8::1]:8080
EOF
echo 'as described'
