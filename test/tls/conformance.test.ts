import { overTls } from '../support/over-tls.js'

overTls(
  'conformance/broken-chunks',
  'conformance/http10',
  'conformance/interim',
  'conformance/methods',
  'conformance/pipelining',
  'conformance/request-bodies',
  'conformance/response-bodies',
  'conformance/targets',
  'conformance/upgrade'
)
