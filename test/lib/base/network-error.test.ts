import t from 'tap'
import { describeNetworkError, isUnreachable, networkErrorCode } from '../../../lib/base/network-error.js'
import { BrokenResponse } from '../../../lib/transport/http1/broken-response.js'
import { ConnectionClosed } from '../../../lib/transport/http1/connection.js'
import {
  NotHttp2,
  PingTimeout,
  RequestRefused,
  SettingsTimeout,
  StreamReset
} from '../../../lib/transport/http2/errors.js'
import { ConnectTimeout } from '../../../lib/transport/sockets/open-socket.js'

const systemError = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.7:8080`), { code })

t.test('network errors in words, without addresses', async (t) => {
  for (const [error, words] of [
    [systemError('ECONNREFUSED'), 'connection refused'],
    [systemError('ECONNRESET'), 'connection reset'],
    [systemError('EPIPE'), 'connection reset'],
    [systemError('EHOSTUNREACH'), 'host unreachable'],
    [systemError('ENETUNREACH'), 'network unreachable'],
    [systemError('ENOTFOUND'), 'host name not found'],
    [systemError('EAI_AGAIN'), 'host name look-up failed'],
    [systemError('EADDRNOTAVAIL'), 'address not available'],
    [new ConnectionClosed(), 'connection closed'],
    [new ConnectTimeout(), 'connect timeout'],
    [systemError('LB_RESPONSE_TIMEOUT'), 'response timeout'],
    [new BrokenResponse('status line'), 'broken response (status line)'],
    [new NotHttp2(), 'does not speak HTTP/2'],
    [systemError('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'), 'does not speak HTTP/2'],
    [new SettingsTimeout(), 'connect timeout (no settings of HTTP/2)'],
    [new RequestRefused(false), 'request refused unprocessed'],
    [new StreamReset(2), 'request given up (INTERNAL_ERROR)'],
    [new PingTimeout(), 'connection silent'],
    [new DOMException('', 'TimeoutError'), 'timeout']
  ] as const) {
    t.equal(describeNetworkError(error), words)
  }
})

t.test('an error of no known kind by its code or name, never by its message', async (t) => {
  t.equal(describeNetworkError(systemError('EWEIRD')), 'EWEIRD')
  t.equal(describeNetworkError(new TypeError('10.0.0.7')), 'TypeError')
  t.equal(describeNetworkError({}), 'Error')
  t.equal(describeNetworkError(Object.assign(new Error('x'), { code: 7 })), 'Error', 'a code is text')
})

t.test('of several addresses the last one tells', async (t) => {
  const error = new AggregateError([systemError('ENETUNREACH'), systemError('ECONNREFUSED')])
  t.equal(networkErrorCode(error), 'ECONNREFUSED')
  t.equal(describeNetworkError(error), 'connection refused')
  t.ok(isUnreachable(error))
  t.equal(networkErrorCode(new AggregateError([])), 'AggregateError')
})

t.test('unreachable is what is certain', async (t) => {
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'])
    t.ok(isUnreachable(systemError(code)), code)
  for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'LB_CONNECT_TIMEOUT', 'LB_CONNECTION_CLOSED'])
    t.notOk(isUnreachable(systemError(code)), code)
})
