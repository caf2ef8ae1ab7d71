#!/usr/bin/env bash
# RFC 9110 section 5.6.1.2 has recipients pass over empty elements of a list, and RFC 7239 section 4 has a parameter at
# most once in an element of Forwarded. forwarded-parse, which OpenTelemetry's instrumentation of HTTP reads the field
# with, refuses the first, with all that is right around it, and takes the last of two in the second.
# forwarded-parse 2.2.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund forwarded-parse@2.2.0
cat >seen.cjs <<'EOF'
const parse = require('forwarded-parse')
for (const value of ['for=192.0.2.1, for=192.0.2.2', 'for=192.0.2.1, , for=192.0.2.2', 'for=192.0.2.1;for=192.0.2.2']) {
  let seen
  try {
    seen = JSON.stringify(parse(value))
  } catch (error) {
    seen = `throws: ${error.message}`
  }
  console.log(`${value} -> ${seen}`)
}
EOF
diff <(node seen.cjs) - <<'EOF'
for=192.0.2.1, for=192.0.2.2 -> [{"for":"192.0.2.1"},{"for":"192.0.2.2"}]
for=192.0.2.1, , for=192.0.2.2 -> throws: Unexpected character ',' at index 15
for=192.0.2.1;for=192.0.2.2 -> [{"for":"192.0.2.2"}]
EOF
echo 'as described'
