import { inLane } from '../support/in-lane.js'

inLane('off', 'forward/client-abort', 'forward/request-fields', 'forward/request-body', 'forward/response')
