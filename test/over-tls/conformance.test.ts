import { overTls } from '../support/over-tls.js'

overTls('conformance/connections', 'conformance/messages')
