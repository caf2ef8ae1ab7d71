import { overTls } from '../support/over-tls.js'

overTls('conformance/http2-bodies', 'conformance/http2-responses', 'forward/http2-contained')

// From version 22 on Node may wait for ever, when a process ends by itself, for a connection of TLS whose session of
// HTTP/2 was cut off. The balancer is ended by `process.exit`, which does not.
const { reallyExit } = process as unknown as { reallyExit(code: number): never }
process.once('beforeExit', () => process.once('exit', (code) => reallyExit.call(process, code)))
