import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { BalancerCell } from '../../lib/pool/cells.js'
import type { Balancer } from '../helper.js'
import { OK, type RawBackend, serving } from './raw-backend.js'
import { RawClient } from './raw-client.js'
import { readMessage } from './wire.js'

export const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n'

/** A request for a protocol that nobody here knows, with these lines in its head. */
export function upgrade(target = '/', ...lines: string[]): string {
  return [`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: test', ...lines, '', ''].join(
    '\r\n'
  )
}

/** A backend that agrees to a change of protocol, with `speak` to speak it, and answers all else with `OK`. */
export function switching(t: Test, speak: (socket: Socket) => void = () => {}): Promise<RawBackend> {
  return serving(t, (socket, backend) => {
    let bytes = Buffer.alloc(0)
    socket.allowHalfOpen = true
    const read = (more: Buffer) => {
      bytes = Buffer.concat([bytes, more])
      const request = readMessage(bytes, { kind: 'request' })
      if (!request) return
      const rest = bytes.subarray(request.size)
      bytes = Buffer.alloc(0)
      backend.requests.push(request)
      if (!request.fields.some(([name]) => name.toLowerCase() === 'upgrade')) {
        socket.write(OK)
        return
      }
      socket.off('data', read)
      socket.write(SWITCHING)
      speak(socket)
      if (rest.length > 0) socket.unshift(rest)
    }
    socket.on('data', read)
  })
}

export const echo = (socket: Socket): void => void socket.pipe(socket)

/** A client that has changed to another protocol. */
export async function openTunnel(
  t: Test,
  { port }: { readonly port: number },
  early = '',
  target = '/'
): Promise<RawClient> {
  const client = await RawClient.open(t, port)
  client.send(upgrade(target) + early)
  const { startLine } = await client.response()
  t.equal(startLine, 'HTTP/1.1 101 Switching Protocols')
  return client
}

/** Connections that have changed to another protocol, by the balancer's count. */
export const tunnels = ({ registry }: Balancer): number => registry.counters.sum(BalancerCell.tunnels)
