import { overTls } from '../support/over-tls.js'

overTls('forward/backpressure', 'forward/integrity', 'forward/slow-clients')
