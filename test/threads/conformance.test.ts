import { inThreads } from '../support/in-threads.js'

inThreads(
  'conformance/connections',
  'conformance/fields',
  'conformance/hostile-backends',
  'conformance/http2',
  'conformance/messages',
  'conformance/refused'
)
