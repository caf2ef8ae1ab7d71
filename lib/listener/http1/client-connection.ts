import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const refused = new WeakSet<Socket>()

/** Notes that a request was refused: nobody can tell where on its connection the next one begins. */
export function refuseFurtherRequests(socket: Socket): void {
  refused.add(socket)
}

/** Whether what comes on a connection is no request any more, as one before it was refused. */
export function refusesFurtherRequests(socket: Socket): boolean {
  return refused.has(socket)
}

const waiting = new WeakSet<Socket>()

/** Notes whether a connection waits for its next request unseen by Node, which knows nothing of those before. */
export function setAwaitingRequest(socket: Socket, isWaiting: boolean): void {
  if (isWaiting) waiting.add(socket)
  else waiting.delete(socket)
}

const newest = new WeakMap<Socket, ServerResponse>()

/** Notes the response to a request that came before the ones ahead of it on its connection were answered. */
export function setLatestPipelined(socket: Socket, response: ServerResponse): void {
  newest.set(socket, response)
}

/** Whether requests that came behind a response's own on its connection are to be answered after it. */
export function hasPipelinedSuccessor(response: ServerResponse): boolean {
  const last = newest.get(response.req.socket)
  return last !== undefined && last !== response && !last.writableFinished
}

const precedingBytes = new WeakMap<Socket, number>()

/** Notes how much came on a connection before what is spoken over it: the header of the PROXY protocol. */
export function setPrecedingBytes(socket: Socket, bytes: number): void {
  precedingBytes.set(socket, bytes)
}

/** Whether a connection is idle, of those that Node does not count as such: some have not sent a byte yet. */
export function isUntrackedIdle(socket: Socket): boolean {
  return socket.bytesRead === (precedingBytes.get(socket) ?? 0) || waiting.has(socket)
}

/** How to go on with a connection on which what a client sends cannot be read any more. */
export type ClientErrorAction = 'answer' | 'cut' | 'finish'

/**
 * What to do about a client that sends what is no request, or a broken body: an error page is an `answer` only where
 * none has begun, as it would be taken for a part of that. A request that came whole before it is to be answered: then
 * this closes the connection to `finish` with.
 */
export function clientErrorAction(socket: Socket): ClientErrorAction {
  const response = currentResponse(socket)
  if (!response) return 'answer'
  if (!response.req.complete) return response.headersSent ? 'cut' : 'answer'
  refuseFurtherRequests(socket)
  whenAnswered(socket, () => socket.destroySoon())
  return 'finish'
}

/** Calls `proceed` when all requests that came before on a connection are answered, unless it ends with that. */
export function whenAnswered(socket: Socket, proceed: () => void): void {
  const response = currentResponse(socket)
  if (response) response.once('close', () => whenAnswered(socket, proceed))
  else if (!socket.destroyed && !socket.writableEnded) proceed()
}

/** Tells the response that is being written that there is room for more, where Node does not do so any more. */
export function emitDrain(socket: Socket): void {
  currentResponse(socket)?.emit('drain')
}

/** The response that is the connection's next, or that is being written. */
export function currentResponse(socket: Socket): ServerResponse | undefined {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}
