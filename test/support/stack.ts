import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Dispatcher } from 'undici'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../../lib/transport/backend-stream.js'
import { Http1Pool } from '../../lib/transport/http1/pool.js'
import { BackendCredentials } from '../../lib/transport/sockets/credentials.js'
import { SocketOpener } from '../../lib/transport/sockets/open-socket.js'
import { OK, scripted } from './raw-backend.js'
import { MAX_HEAD_BYTES, Recorder } from './recorder.js'
import { backendConfigs } from './registry.js'
import { atEnd, eventually } from './test.js'

/** So many requests of a stack are sent at once. */
export const EAGER = 32

/** Who has sent a request, and notes how it ended, and how often. */
export class Ending extends Recorder implements ResponseHandler {
  aborted = false
  connection: BackendStream | undefined
  sent = 0
  completed = 0
  readonly errors: (Error & { code?: string })[] = []

  /** How often it has ended. */
  get count(): number {
    return this.completed + this.errors.length
  }

  /** The body of the response. */
  get body(): string | undefined {
    return this.told.find(([part]) => part === 'data')?.[1]
  }

  onSending(connection: BackendStream): void {
    this.connection = connection
    // As one does for whom nobody waits any more.
    if (this.aborted) connection.destroy()
  }

  onSent(): void {
    this.sent++
  }

  onBodySent(): void {}

  onReadEnd(): void {}

  override onEnd(trailers: readonly string[]): void {
    this.completed++
    super.onEnd(trailers)
  }

  onError(error: Error): void {
    this.errors.push(error)
  }
}

/** A pool that counts the connections that it has opened, and notes the errors of our own code. */
export class CountedStack extends Http1Pool {
  opened = 0
  readonly internalErrors: unknown[] = []

  constructor(opener: SocketOpener) {
    super({
      open: (onread, connected) => {
        this.opened++
        return opener.open(onread, connected)
      },
      maxHeadBytes: MAX_HEAD_BYTES,
      onInternalError: (error) => void this.internalErrors.push(error)
    })
  }
}

export function stackFor(
  t: Test,
  { address }: { readonly address: string },
  connectTimeoutMs = 10_000
): CountedStack {
  const [config] = backendConfigs(address)
  const credentials = new BackendCredentials({ caFile: '', certFile: '', keyFile: '' })
  const options = { connectTimeoutMs, bufferSizeBytes: 65_536, credentials }
  const stack = new CountedStack(new SocketOpener(config!, options))
  atEnd(t, () => stack.destroy())
  return stack
}

export function requestOf(options: Partial<OutgoingRequest> = {}): OutgoingRequest {
  const { method = 'GET' } = options
  return {
    method,
    head: `${method} / HTTP/1.1\r\nHost: a.test\r\n\r\n`,
    body: undefined,
    replayable: true,
    ...options
  }
}

export function ask(stack: Dispatcher, options?: Partial<OutgoingRequest>): Ending {
  const ending = new Ending()
  stack.dispatch(requestOf(options) as never, ending as never)
  return ending
}

export const askFor = (stack: Dispatcher, count: number, options?: Partial<OutgoingRequest>) =>
  Array.from({ length: count }, () => ask(stack, options))

export const allEnded = (endings: readonly Ending[]) => () => endings.every(({ count }) => count > 0)

/** Asks, and waits for the end. */
export async function answered(stack: Dispatcher, options?: Partial<OutgoingRequest>): Promise<Ending> {
  const ending = ask(stack, options)
  await eventually(allEnded([ending]))
  return ending
}

/** A backend that answers when told to, and the connections of the requests that it has not answered. */
export async function holding(t: Test) {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const answer = (count = held.length, response = OK) => {
    for (const socket of held.splice(0, count)) socket.write(response)
  }
  return { backend, held, answer }
}

/** Lets the clock of `performance.now()` be put forward until the end of the test. */
export function skippableTime(t: Test): (ms: number) => void {
  const { now } = performance
  let skippedMs = 0
  performance.now = () => now.call(performance) + skippedMs
  atEnd(t, () => {
    performance.now = now
  })
  return (ms) => {
    skippedMs += ms
  }
}
