import { inLane } from '../support/in-lane.js'

inLane(
  'routed',
  'forward/client-abort',
  'forward/request-fields',
  'forward/request-body',
  'forward/response',
  'forward/early-response'
)
