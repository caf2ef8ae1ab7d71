import { overTls } from '../support/over-tls.js'

overTls('conformance/http2', 'forward/http2-contained', 'forward/large-heads')
