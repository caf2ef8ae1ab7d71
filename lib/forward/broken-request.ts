import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Whether a response is being written to a client's connection. What a client sends behind its request may be broken
 * while the answer is on its way: an error page in the midst of that would be taken for a part of its body.
 */
export function isAnswering(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null }
  return response?.headersSent === true
}
