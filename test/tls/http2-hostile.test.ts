import { overTls } from '../support/over-tls.js'

overTls(
  'conformance/http2-bodies',
  'conformance/http2-responses',
  'forward/http2-contained',
  'forward/large-heads'
)
