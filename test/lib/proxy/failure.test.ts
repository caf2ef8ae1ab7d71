import t from 'tap'
import type { Resource } from '../../../lib/base/shortage/resource.js'
import { classify, NO_BACKEND, OVERLOADED } from '../../../lib/proxy/failure.js'
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
const BEFORE_SENT = false
const SENT = true

t.test('before the request was sent', async (t) => {
  for (const [error, statusCode, code, unreachable] of [
    [systemError('ECONNREFUSED'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('EHOSTUNREACH'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('ENOTFOUND'), 502, 'LB_BACKEND_UNREACHABLE', true],
    [new AggregateError([systemError('ECONNREFUSED')]), 502, 'LB_BACKEND_UNREACHABLE', true],
    [systemError('ECONNRESET'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('EAI_AGAIN'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('DEPTH_ZERO_SELF_SIGNED_CERT'), 502, 'LB_BACKEND_UNREACHABLE', false],
    [systemError('ETIMEDOUT'), 504, 'LB_CONNECT_TIMEOUT', false],
    [new ConnectTimeout(), 504, 'LB_CONNECT_TIMEOUT', false],
    [new SettingsTimeout(), 504, 'LB_CONNECT_TIMEOUT', false],
    [new NotHttp2(), 502, 'LB_BACKEND_UNREACHABLE', false]
  ] as const) {
    t.hasStrict(
      classify(error, BEFORE_SENT),
      { failure: { statusCode, code }, missing: undefined, unreachable, connectionLost: false },
      error.message || error.name
    )
  }
})

t.test('after it was sent', async (t) => {
  for (const [error, statusCode, code, connectionLost] of [
    [new ConnectionClosed(), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ECONNRESET'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('EPIPE'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ECONNABORTED'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('EHOSTUNREACH'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ENETUNREACH'), 502, 'LB_CONNECTION_LOST', true],
    [systemError('ETIMEDOUT'), 502, 'LB_CONNECTION_LOST', false],
    [new StreamReset(8), 502, 'LB_CONNECTION_LOST', true],
    [new PingTimeout(), 502, 'LB_CONNECTION_LOST', true],
    [systemError('LB_RESPONSE_TIMEOUT'), 504, 'LB_RESPONSE_TIMEOUT', false],
    [new BrokenResponse('no HTTP'), 502, 'LB_BAD_RESPONSE', false]
  ] as const) {
    t.hasStrict(
      classify(error, SENT),
      { failure: { statusCode, code }, missing: undefined, unreachable: false, connectionLost },
      error.message
    )
  }
})

t.test('that a backend has not looked at a request is no loss of its connection', async (t) => {
  const refused = { failure: { code: 'LB_CONNECTION_LOST' }, connectionLost: false, unprocessed: true }
  t.hasStrict(classify(new RequestRefused(false), SENT), refused)
  t.equal(classify(new ConnectionClosed(), SENT).unprocessed, false)
})

const MISSING: Readonly<Record<string, Resource>> = {
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  ENOBUFS: 'memory',
  ENOMEM: 'memory',
  EADDRNOTAVAIL: 'ports'
}

t.test('what this machine lacks is not the backend’s fault', async (t) => {
  for (const sent of [BEFORE_SENT, SENT]) {
    for (const code of Object.keys(MISSING)) {
      t.hasStrict(
        classify(systemError(code), sent),
        {
          failure: { statusCode: 503, code: 'LB_OVERLOADED' },
          missing: MISSING[code]!,
          unreachable: false,
          connectionLost: false
        },
        code
      )
    }
  }
})

t.test('an answer of the balancer has the shape of Fastify’s errors, and no address', async (t) => {
  const error = Object.assign(systemError('ECONNREFUSED'), { address: '10.0.0.7', port: 8080 })
  const { failure, detail } = classify(error, BEFORE_SENT)
  t.same(Object.keys(failure).sort(), ['code', 'error', 'message', 'statusCode'])
  t.equal(failure.error, 'Bad Gateway')
  t.notMatch(JSON.stringify(failure) + detail, /10\.0\.0\.7|8080/)
  t.hasStrict(NO_BACKEND, { statusCode: 503, code: 'LB_NO_BACKEND', error: 'Service Unavailable' })
  t.hasStrict(OVERLOADED, { statusCode: 503, code: 'LB_OVERLOADED', error: 'Service Unavailable' })
})
