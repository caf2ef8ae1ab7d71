import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { eventually } from './test.js'

const hex = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`

/** Bytes of a TCP connection over IPv4 that its other end has not acknowledged, as the kernel of Linux tells them. */
function sendQueueOf({ localPort, remotePort }: Socket): number {
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, local, remote, , queues] = line.trim().split(/\s+/)
    if (local?.endsWith(hex(localPort!)) && remote?.endsWith(hex(remotePort!)))
      return Number.parseInt(queues!.split(':')[0]!, 16)
  }
  return 0
}

/** Waits until the other end has all that was written: a reset before that would take the rest away. */
export async function delivered(socket: Socket, timeoutMs: number): Promise<void> {
  await eventually(() => socket.writableLength === 0 && sendQueueOf(socket) === 0, timeoutMs)
}
