#!/usr/bin/env bash
# The client library of Kubernetes says in its package.json nothing of the versions of Node that it runs on, so that npm installs
# it on Node 20 without a word; there it cannot be loaded, as the undici that it depends on needs Node 22.19.
# @kubernetes/client-node 2.0.1, on node 20.20.2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @kubernetes/client-node@2.0.1 >/dev/null 2>&1
cat >own.cjs <<'EOS'
const { engines } = JSON.parse(require('fs').readFileSync('node_modules/@kubernetes/client-node/package.json', 'utf8'))
console.log('engines', engines)
try {
  require('@kubernetes/client-node')
  console.log('loaded')
} catch (error) {
  console.log(error.name, error.message)
}
EOS
diff <(node own.cjs) - <<'EOS'
engines undefined
TypeError Cannot read properties of undefined (reading 'bind')
EOS
echo 'as described'
