import { overTls } from '../support/over-tls.js'

overTls('forward/backpressure', 'forward/slow-clients')
