#!/usr/bin/env bash
# What HAProxy writes into version 2 of the PROXY protocol (send-proxy-v2-ssl-cn, mode http):
# - of a client without a certificate: verify=0, which the specification reserves for a certificate that was shown and
#   verified (section 2.2.6); only the bits that tell of a certificate show that there was none;
# - ALPN h2, which the client has agreed on, ahead of a request of HTTP/1.1;
# - LOCAL, "this connection is the proxy's own", for a client of a Unix socket.
# haproxy 2.6.12-1+deb12u4 of Debian 12 (its libraries have to be there), curl and node of this machine
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${haproxy:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq haproxy=2.6.12-1+deb12u4
dpkg -x haproxy_*.deb .
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=app.test 2>/dev/null
cat cert.pem key.pem >pair.pem
cat >seen.cjs <<'EOF'
// A server behind HAProxy that prints what it is told of each connection, and the first line that follows.
const net = require('node:net')
const fs = require('node:fs')
const ADDRESS_BYTES = { 0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216 }
const server = net.createServer((socket) => {
  socket.on('error', () => {})
  socket.once('data', (bytes) => {
    const end = 16 + bytes.readUInt16BE(14)
    const told = []
    for (let i = 16 + ADDRESS_BYTES[bytes[13]]; i < end; ) {
      const value = bytes.subarray(i + 3, i + 3 + bytes.readUInt16BE(i + 1))
      if (bytes[i] === 0x01) told.push(`ALPN ${value}`)
      if (bytes[i] === 0x20) told.push(`SSL client=${value[0]} verify=${value.readUInt32BE(1)}`)
      i += 3 + value.length
    }
    const [line] = bytes.subarray(end).toString().split('\r\n')
    console.log(`${bytes[12] & 1 ? 'PROXY' : 'LOCAL'}, ${told.join(', ')}: ${line}`)
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
})
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', `${server.address().port}`))
setTimeout(() => process.exit(), 8000)
EOF
node seen.cjs >seen &
until [ -s port ]; do sleep 0.1; done
cat >haproxy.cfg <<EOF
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend clients
  bind unix@$folder/tls.sock ssl crt $folder/pair.pem alpn h2,http/1.1
  bind 127.0.0.1:$(($(cat port) % 20000 + 20000)) ssl crt $folder/pair.pem alpn h2,http/1.1
  default_backend servers
backend servers
  server one 127.0.0.1:$(cat port) send-proxy-v2-ssl-cn
EOF
usr/sbin/haproxy -f haproxy.cfg -db 2>/dev/null &
haproxy=$!
until [ -S tls.sock ]; do sleep 0.1; done
sleep 0.5
curl -sk --http2 "https://127.0.0.1:$(($(cat port) % 20000 + 20000))/" -o /dev/null
curl -sk --http2 --unix-socket tls.sock https://app.test/ -o /dev/null
sleep 0.5
diff seen - <<'EOF'
PROXY, ALPN h2, SSL client=1 verify=0: GET / HTTP/1.1
LOCAL, ALPN h2, SSL client=1 verify=0: GET / HTTP/1.1
EOF
echo 'as described'
