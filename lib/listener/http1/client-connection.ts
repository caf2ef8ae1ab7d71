import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const refused = new WeakSet<Socket>()

/** Refuses all further requests on a connection: after one that was rejected, it is unknown where the next begins. */
export function refuseFurtherRequests(socket: Socket): void {
  refused.add(socket)
}

/** Whether further requests on a connection are refused. */
export function refusesFurtherRequests(socket: Socket): boolean {
  return refused.has(socket)
}

const waiting = new WeakSet<Socket>()

/** Sets whether a connection waits for its next request, where Node does not know of the previous one. */
export function setAwaitingRequest(socket: Socket, isWaiting: boolean): void {
  if (isWaiting) waiting.add(socket)
  else waiting.delete(socket)
}

const newest = new WeakMap<Socket, ServerResponse>()

/** Stores the response to a pipelined request: one received before the previous ones were answered. */
export function setLatestPipelined(socket: Socket, response: ServerResponse): void {
  newest.set(socket, response)
}

/** Whether pipelined requests are to be answered after this response. */
export function hasPipelinedSuccessor(response: ServerResponse): boolean {
  const last = newest.get(response.req.socket)
  return last !== undefined && last !== response && !last.writableFinished
}

const precedingBytes = new WeakMap<Socket, number>()

/** Stores how many bytes preceded HTTP on a connection: those of the PROXY protocol header. */
export function setPrecedingBytes(socket: Socket, bytes: number): void {
  precedingBytes.set(socket, bytes)
}

const LANE = Symbol('lane')

/** A connection whose requests Node's server does not read. */
export interface LaneState {
  readonly isIdle: boolean
}

/** Stores that the requests of a connection are not read by Node's server, or, with undefined, that they are. */
export function setLane(socket: Socket, lane: LaneState | undefined): void {
  ;(socket as Socket & { [LANE]?: LaneState | undefined })[LANE] = lane
}

/** Whether a connection is idle in a way that Node does not count: it has sent nothing yet, or awaits a request unseen. */
export function isUntrackedIdle(socket: Socket): boolean {
  const lane = (socket as Socket & { [LANE]?: LaneState | undefined })[LANE]
  if (lane) return lane.isIdle
  return socket.bytesRead === (precedingBytes.get(socket) ?? 0) || waiting.has(socket)
}

const uncounted = new WeakMap<Socket, number>()

/** Stores how many requests a connection has carried before Node's server began to count them. */
export function setUncountedRequests(socket: Socket, requests: number): void {
  uncounted.set(socket, requests)
}

/** Counts a request on a connection that has carried others unseen by Node. Returns how many there are; 0 on any other. */
export function countRequest(socket: Socket): number {
  const before = uncounted.get(socket)
  if (before === undefined) return 0
  uncounted.set(socket, before + 1)
  return before + 1
}

/** What to do about a parse error on a client's connection. */
export type ClientErrorAction = 'answer' | 'cut' | 'finish'

/**
 * What to do about a parse error: send an error response (`answer`), unless a response has begun, of which it would be
 * taken for a part (`cut`). A complete request before the error is answered: then this closes the connection after that
 * (`finish`).
 */
export function clientErrorAction(socket: Socket): ClientErrorAction {
  const response = currentResponse(socket)
  if (!response) return 'answer'
  if (!response.req.complete) return response.headersSent ? 'cut' : 'answer'
  refuseFurtherRequests(socket)
  closeAfterComplete(socket)
  return 'finish'
}

/** Closes a connection once its complete requests are answered: one that is not never will be whole. */
function closeAfterComplete(socket: Socket): void {
  const response = currentResponse(socket)
  if (response?.req.complete) response.once('close', () => closeAfterComplete(socket))
  else if (!socket.destroyed) socket.destroySoon()
}

/** Calls `proceed` once all earlier requests on a connection are answered, unless the connection ends before. */
export function whenAnswered(socket: Socket, proceed: () => void): void {
  const response = currentResponse(socket)
  if (response) response.once('close', () => whenAnswered(socket, proceed))
  else if (!socket.destroyed && !socket.writableEnded) proceed()
}

/** Emits `drain` on the response under way, where Node no longer does. */
export function emitDrain(socket: Socket): void {
  currentResponse(socket)?.emit('drain')
}

/** Node's internals of a connection and its response, the same in Node 20 to 26. */
interface Responding {
  _httpMessage?: ServerResponse | null
}

/** The response that is being written on a connection, or is the next. */
export function currentResponse(socket: Socket): ServerResponse | undefined {
  return (socket as Responding)._httpMessage ?? undefined
}

/** Has a new response written on a connection: `assignSocket`, but that nothing tells it of the end of the connection. */
export function setCurrentResponse(socket: Socket, response: ServerResponse): void {
  ;(socket as Responding)._httpMessage = response
  setSocket(response, socket)
}

/** `detachSocket` for a response that `setCurrentResponse` was called for. */
export function endCurrentResponse(socket: Socket, response: ServerResponse): void {
  ;(socket as Responding)._httpMessage = null
  setSocket(response, null)
}

/** Sets the socket of a response, and nothing else. */
export function setSocket(response: ServerResponse, socket: Socket | null): void {
  ;(response as { socket: Socket | null }).socket = socket
}
