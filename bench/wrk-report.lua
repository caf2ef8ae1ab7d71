-- Only done() is defined: a response() here would make wrk call into Lua for every answer.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%.0f,"bytes":%.0f,"durationMicroseconds":%.0f,'
      .. '"p50Microseconds":%.0f,"p99Microseconds":%.0f,'
      .. '"failures":{"connect":%.0f,"read":%.0f,"write":%.0f,"timeout":%.0f,"status":%.0f}}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status
  ))
end
