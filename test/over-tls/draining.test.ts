import { overTls } from '../support/over-tls.js'

overTls('forward/drain', 'forward/http2-drain')
