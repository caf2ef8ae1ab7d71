import { overTls } from '../support/over-tls.js'

overTls(
  'forward/client-abort',
  'forward/early-response',
  'forward/request-body',
  'forward/response',
  'forward/routes-answers'
)
