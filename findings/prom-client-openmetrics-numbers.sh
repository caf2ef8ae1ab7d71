#!/usr/bin/env bash
# OpenMetrics 1.0 forbids any rendering of its own for the bounds of buckets (section "Numbers"): 1 is "1.0", 10 is "10.0". What is
# no number is "NaN". prom-client with its OpenMetrics content type writes le="1", le="10" and "Nan": the first makes series
# of other names than those of clients that keep to the format, which queries by le="1.0" do not find.
# prom-client 15.1.3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund prom-client@15.1.3
cat >seen.cjs <<'EOF'
const { Gauge, Histogram, Registry } = require('prom-client')
const registry = new Registry()
registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
const registers = [registry]
new Histogram({ name: 'wait_seconds', help: 'Waits.', buckets: [1, 2.5, 10], registers }).observe(3)
new Gauge({ name: 'share', help: 'None is known.', registers }).set(Number.NaN)
console.log(registry.contentType.split(';')[0])
registry.metrics().then((text) => console.log(text.split('\n').filter((line) => /^(wait_seconds_bucket|share)/.test(line)).join('\n')))
EOF
diff <(node seen.cjs) - <<'EOF'
application/openmetrics-text
wait_seconds_bucket{le="1"} 0
wait_seconds_bucket{le="2.5"} 0
wait_seconds_bucket{le="10"} 1
wait_seconds_bucket{le="+Inf"} 1
share Nan
EOF
echo 'as described'
