import { overTls } from '../support/over-tls.js'

overTls(
  'forward/client-abort',
  'forward/early-response',
  'forward/pipelined-upgrade',
  'forward/request-body',
  'forward/response',
  'forward/streaming'
)
