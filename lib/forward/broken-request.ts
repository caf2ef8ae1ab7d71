import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const refused = new WeakSet<Socket>()

/** Notes that a request was refused: nobody can tell where on its connection the next one begins. */
export function refuseRest(socket: Socket): void {
  refused.add(socket)
}

/** Whether what comes on a connection is no request any more, as one before it was refused. */
export function isRefused(socket: Socket): boolean {
  return refused.has(socket)
}

/**
 * Whether a response is being written to a client's connection. What a client sends behind its request may be broken
 * while the answer is on its way: an error page in the midst of that would be taken for a part of its body.
 */
export function isAnswering(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null }
  return response?.headersSent === true
}
