#!/usr/bin/env bash
# A folder that tap makes for a test (`t.testdir()`) is named after all arguments of the process, not after its file and
# test alone. A test file whose arguments are longer than a file name may be (255 bytes) fails with ENAMETOOLONG, though
# its folder could be made; another argument also gives it another folder.
# tap 21.8.0, on node 20.20.2 and Linux
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund tap@21.8.0 >/dev/null 2>&1
cat >own.cjs <<'EOF'
const path = require('node:path')
require('tap').test('folder', async (t) => {
  try {
    console.error(process.argv.slice(2).join(' ').length, path.basename(t.testdir({})))
  } catch (error) {
    console.error(process.argv.slice(2).join(' ').length, error.code)
  }
})
EOF
long=$(printf 'a%.0s' $(seq 150))
diff <({ node own.cjs; node own.cjs --seed 42; node own.cjs "$long" "$long"; } 2>&1 >/dev/null) - <<'EOF'
0 .-own.cjs-folder
9 .-own.cjs---seed-42-folder
301 ENAMETOOLONG
EOF
echo 'as described'
