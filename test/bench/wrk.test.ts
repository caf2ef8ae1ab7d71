import { test } from 'tap'

import { failedRequests, parseWrkReport } from '../../bench/wrk'

const output = `Running 1s test @ http://127.0.0.1:8080/33
  1 threads and 64 connections
  Latency Distribution
     50%    3.44ms
     99%   16.38ms
  18574 requests in 1.00s, 3.20MB read

{"requests":18574,"bytes":3355443,"durationMicroseconds":1000512,"p50Microseconds":3440,"p99Microseconds":16380,"failures":{"connect":0,"read":2,"write":0,"timeout":1,"status":4}}
`

test('the report is found below what wrk prints itself', async (t) => {
  const report = parseWrkReport(output)
  t.equal(report.requests, 18574)
  t.equal(report.durationMicroseconds, 1000512)
  t.equal(report.p99Microseconds, 16380)
})

test('every kind of failure counts', async (t) => {
  t.equal(failedRequests(parseWrkReport(output)), 7)
})

test('what wrk printed is in the error when there is no report', async (t) => {
  t.throws(() => parseWrkReport('unable to connect to 127.0.0.1:1 Connection refused'), {
    message: /Connection refused/
  })
})
