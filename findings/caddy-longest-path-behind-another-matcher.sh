#!/usr/bin/env bash
# Caddy puts the longest path first among directives of the same name, wherever they stand: /ab* before /a*. A directive
# with another matcher that stands between the two ends that: /a* stays first, and /ab* is never reached. Two directives
# are compared by path only if both have a single one, and count as equal otherwise, which is no order that sorting by
# neighbours could restore.
# caddy 2.6.2-5 of Debian 12, node of this machine
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq caddy=2.6.2-5
dpkg -x caddy_*.deb .
site() {
  printf ':8080 {\n@post method POST\n%s\n%s\n%s\n}\n' "$@" >Caddyfile
  ./usr/bin/caddy adapt --adapter caddyfile --config Caddyfile 2>/dev/null |
    node -p '[...require("fs").readFileSync(0, "utf8").matchAll(/"body":"(\w+)"/g)].map(([, body]) => body).join(" ")'
}
behind=$(site 'respond /a* short' 'respond /ab* long' 'respond @post post')
between=$(site 'respond /a* short' 'respond @post post' 'respond /ab* long')
echo "the other matcher at the end: $behind"
echo "the other matcher between:    $between"
[ "$behind" = 'long short post' ] && [ "$between" = 'short post long' ]
