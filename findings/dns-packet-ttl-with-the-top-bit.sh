#!/usr/bin/env bash
# A TTL is a number of 31 bits, and one whose top bit is set counts as 0 (RFC 2181 section 8). dns-packet gives it as the
# 32 bits stand: a record that is to be asked for again at once looks good for 68 years.
# dns-packet 5.6.1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dns-packet@5.6.1
cat >seen.cjs <<'EOF'
const packet = require('dns-packet')
// An answer as it stands on the wire: id, flags, counts, then the A record of app.test with its TTL.
const answer = (ttl) => Buffer.concat([
  Buffer.from('000184000000000100000000', 'hex'),
  Buffer.from('\x03app\x04test\x00', 'latin1'),
  Buffer.from('00010001', 'hex'),
  ttl,
  Buffer.from('0004c0000201', 'hex')
])
for (const hex of ['0000001e', '7fffffff', '80000000'])
  console.log(hex, '->', packet.decode(answer(Buffer.from(hex, 'hex'))).answers[0].ttl)
EOF
diff <(node seen.cjs) - <<'EOF'
0000001e -> 30
7fffffff -> 2147483647
80000000 -> 2147483648
EOF
echo 'as described'
