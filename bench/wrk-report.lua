-- Usage: wrk -s wrk-report.lua URL [BYTES]. With BYTES, every request is a POST with a body of that size.
-- The request is built once: a request() or response() here would make wrk call into Lua for every one.
function init(args)
  local bytes = tonumber(args[1])
  if bytes then
    wrk.method = 'POST'
    wrk.body = string.rep('x', bytes)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%.0f,"bytes":%.0f,"durationMicroseconds":%.0f,'
      .. '"p50Microseconds":%.0f,"p99Microseconds":%.0f,"maxMicroseconds":%.0f,'
      .. '"failures":{"connect":%.0f,"read":%.0f,"write":%.0f,"timeout":%.0f,"status":%.0f}}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status
  ))
end
