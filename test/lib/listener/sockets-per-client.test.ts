import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { setProxyHeader } from '../../../lib/listener/client/connection-info.js'
import { SocketsPerClient } from '../../../lib/listener/sockets-per-client.js'

const socketFrom = (remoteAddress: string | undefined) =>
  Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Socket & { remoteAddress: unknown }

t.test('each address has so many, as long as they are open', async (t) => {
  const bound = new SocketsPerClient(2)
  const [one, two, three] = [socketFrom('10.0.0.1'), socketFrom('10.0.0.1'), socketFrom('10.0.0.1')]
  t.same(
    [one, two, three].map((socket) => bound.admit(socket)),
    [true, true, false]
  )
  t.ok(bound.admit(socketFrom('10.0.0.2')))
  three.emit('close')
  t.notOk(bound.admit(three), 'one that was not admitted gives nothing back')
  // A socket that is closed has no address any more.
  one.remoteAddress = undefined
  one.emit('close')
  one.emit('close')
  t.same(
    [three, socketFrom('10.0.0.1')].map((socket) => bound.admit(socket)),
    [true, false]
  )
  for (const socket of [two, three]) socket.emit('close')
  t.same(
    [1, 2, 3].map(() => bound.admit(socketFrom('10.0.0.1'))),
    [true, true, false]
  )
})

t.test('what is one address counts as one', async (t) => {
  const bound = new SocketsPerClient(1)
  t.ok(bound.admit(socketFrom('10.0.0.1')))
  t.notOk(bound.admit(socketFrom('::ffff:10.0.0.1')))
  const proxied = socketFrom('10.0.0.9')
  setProxyHeader(proxied, {
    length: 0,
    source: { address: '10.0.0.1', port: 4000, localAddress: '10.0.0.9', localPort: 80 }
  })
  t.notOk(bound.admit(proxied), 'by the word of a proxy')
  t.ok(bound.admit(socketFrom('10.0.0.9')), 'which has not been counted for the proxy')
  t.ok(bound.admit(socketFrom(undefined)))
  t.notOk(bound.admit(socketFrom(undefined)), 'those that nobody knows have to share')
})

t.test('without a limit nothing is counted', async (t) => {
  const bound = new SocketsPerClient(0)
  for (let i = 0; i < 1000; i++) {
    const socket = socketFrom('10.0.0.1')
    if (!bound.admit(socket) || socket.listenerCount('close') > 0) t.fail(`socket ${i}`)
  }
  t.ok(bound.admit(socketFrom('10.0.0.1')))
})
