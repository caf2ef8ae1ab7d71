import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { describeNetworkError, isUnreachable, networkErrorCode } from '../../../lib/base/network-error.js'
import { DescriptorLimit } from '../../../lib/base/shortage/descriptor-limit.js'
import { descriptorsNeeded, explainShortage } from '../../../lib/base/shortage/explanation.js'
import { missingResource } from '../../../lib/base/shortage/resource.js'
import { type ShortageReport, Shortages } from '../../../lib/base/shortage/shortages.js'
import { exceedsDescriptorLimit, surviveAcceptErrors } from '../../../lib/listener/accepting.js'
import { ConnectionClosed } from '../../../lib/transport/connection-closed.js'
import { BrokenResponse } from '../../../lib/transport/http1/broken-response.js'
import {
  NotHttp2,
  PingTimeout,
  RequestRefused,
  SettingsTimeout,
  StreamReset
} from '../../../lib/transport/http2/errors.js'
import { ConnectTimeout } from '../../../lib/transport/sockets/open-socket.js'

// Network errors

const systemError = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.7:8080`), { code })

t.test('network errors are described without addresses', async (t) => {
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

t.test('an unknown error is described by its code or name, never by its message', async (t) => {
  t.equal(describeNetworkError(systemError('EWEIRD')), 'EWEIRD')
  t.equal(describeNetworkError(new TypeError('10.0.0.7')), 'TypeError')
  t.equal(describeNetworkError({}), 'Error')
  t.equal(describeNetworkError(Object.assign(new Error('x'), { code: 7 })), 'Error', 'a code is text')
})

t.test('of several addresses the error of the last one counts', async (t) => {
  const error = new AggregateError([systemError('ENETUNREACH'), systemError('ECONNREFUSED')])
  t.equal(networkErrorCode(error), 'ECONNREFUSED')
  t.equal(describeNetworkError(error), 'connection refused')
  t.ok(isUnreachable(error))
  t.equal(networkErrorCode(new AggregateError([])), 'AggregateError')
})

t.test('unreachable is only what certainly is', async (t) => {
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'])
    t.ok(isUnreachable(systemError(code)), code)
  for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'LB_CONNECT_TIMEOUT', 'LB_CONNECTION_CLOSED'])
    t.notOk(isUnreachable(systemError(code)), code)
})

// Shortages

const none = { clients: 0, backends: 0, checks: 0, other: 0 }
const errorOf = (code: string, syscall = 'connect') =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall })

t.test('the first is reported at once, and those that follow once a minute with their number', async (t) => {
  const timers: { act: () => void; ms: number }[] = []
  const { setTimeout } = globalThis
  t.teardown(() => Object.assign(globalThis, { setTimeout }))
  Object.assign(globalThis, {
    setTimeout: (act: () => void, ms: number) => {
      timers.push({ act, ms })
      return setTimeout(() => {}, 0)
    }
  })
  const passMinute = () => {
    const { act, ms } = timers.shift()!
    t.equal(ms, 60_000)
    act()
  }
  const reports: ShortageReport[] = []
  const shortages = new Shortages((report) => reports.push(report))
  shortages.record('descriptors', 'clients')
  for (let i = 0; i < 5; i++) shortages.record('descriptors', 'backends')
  shortages.record('descriptors', 'checks')
  shortages.record('ports', 'backends')
  t.same(reports.splice(0), [
    { resource: 'descriptors', counts: { ...none, clients: 1 } },
    { resource: 'ports', counts: { ...none, backends: 1 } }
  ])
  passMinute()
  t.same(reports.splice(0), [{ resource: 'descriptors', counts: { ...none, backends: 5, checks: 1 } }])
  passMinute()
  t.same(reports, [], 'nothing followed')
  shortages.record('descriptors', 'other')
  t.same(reports, [], 'it was told of less than a minute ago')
  passMinute()
  t.same(reports.splice(0), [{ resource: 'descriptors', counts: { ...none, other: 1 } }])
  passMinute()
  shortages.record('descriptors', 'clients')
  t.same(reports.splice(0), [{ resource: 'descriptors', counts: { ...none, clients: 1 } }], 'it begins anew')
  shortages.record('descriptors', 'clients')
  shortages.flush()
  t.same(reports, [{ resource: 'descriptors', counts: { ...none, clients: 1 } }])
  t.same([shortages.total('descriptors'), shortages.total('descriptors', 'clients')], [10, 3])
  t.same([shortages.total('ports'), shortages.total('memory')], [1, 0])
  t.match(shortages.latest, { resource: 'descriptors' })
})

t.test('a report says the effects and the remedy', async (t) => {
  for (const [resource, counts, limit, text] of [
    [
      'descriptors',
      { ...none, clients: 1 },
      64,
      /^Out of file descriptors \(64 may be open\): 1 client connection was refused; raise the limit/
    ],
    [
      'descriptors',
      { clients: 2, backends: 3, checks: 4, other: 5 },
      undefined,
      /^Out of file descriptors: 2 client connections were refused, 3 connections to backends failed, 4 health checks were not made, 5 times nothing more could be opened; /
    ],
    [
      'ports',
      { ...none, backends: 1 },
      64,
      /^Out of local ports: 1 connection to a backend failed; .*ip_local_port_range/
    ],
    ['memory', { ...none, backends: 2 }, 64, /^Out of memory for sockets: .*tcp_mem/]
  ] as const)
    t.match(explainShortage({ resource, counts }, limit), text)
  t.equal(descriptorsNeeded(4000, 1000), 5100)
})

t.test('the limit is read from the system, and read again', async (t) => {
  const file = path.join(t.testdir({}), 'limits')
  const write = (soft: string) =>
    writeFileSync(
      file,
      `Max processes             1                    2                    processes\nMax open files            ${soft.padEnd(20)} 4096                 files\n`
    )
  write('1024')
  const limit = new DescriptorLimit(file)
  t.equal(limit.value, 1024)
  t.same(
    [958, 959, 960, 1023].map((fd) => limit.isReserved(fd)),
    [false, false, true, true]
  )
  write('64  ')
  limit.read()
  t.equal(limit.value, 64)
  t.same(
    [47, 48].map((fd) => limit.isReserved(fd)),
    [false, true]
  )
  write('unlimited')
  limit.read()
  t.equal(limit.value, undefined)
  t.notOk(limit.isReserved(1e6))
  limit.close()
  t.equal(new DescriptorLimit(path.join(file, 'none')).value, undefined, 'there is no such file elsewhere')
})

t.test('a failed look-up of a name may be a lack of descriptors', async (t) => {
  t.equal(missingResource(errorOf('ENOTFOUND', 'getaddrinfo')), undefined)
  t.equal(missingResource(errorOf('ECONNREFUSED')), undefined)
  t.equal(missingResource(errorOf('EMFILE')), 'descriptors')
  t.equal(missingResource({ errors: [errorOf('ECONNREFUSED'), errorOf('EMFILE')] }), 'descriptors')
})

t.test('a server keeps running when it cannot accept, and its other errors are not hidden', async (t) => {
  const shortages = new Shortages(() => {})
  const server = createServer()
  surviveAcceptErrors(server, shortages)
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']) server.emit('error', errorOf(code, 'accept'))
  t.same([shortages.total('descriptors', 'clients'), shortages.total('memory', 'clients')], [2, 2])
  t.throws(() => server.emit('error', errorOf('EADDRINUSE', 'listen')), { code: 'EADDRINUSE' })
  let told = ''
  server.on('error', ({ message }) => {
    told = message
  })
  server.emit('error', errorOf('EADDRINUSE', 'listen'))
  t.equal(told, 'listen EADDRINUSE', 'whoever listens is left to it')
  shortages.flush()
})

t.test('a connection without a descriptor does not exceed the limit', async (t) => {
  const shortages = new Shortages(() => {})
  const limit = new DescriptorLimit('/dev/null')
  limit.value = 100
  const socketOf = (fd?: number) => ({ _handle: fd === undefined ? null : { fd } }) as never
  t.same(
    [socketOf(), socketOf(-1), socketOf(74), socketOf(75)].map((socket) =>
      exceedsDescriptorLimit(socket, limit, shortages)
    ),
    [false, false, false, true]
  )
  t.equal(shortages.total('descriptors', 'clients'), 1)
  shortages.flush()
})
