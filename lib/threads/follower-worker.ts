import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { ClosedMessage, FollowerData, FollowerMessage, OwnerMessage } from './messages.js'

/** What says that a thread is to listen no more, where it would say that it does. */
const NEVER = 2

/** A follower, as its owner sees it. */
export class FollowerWorker {
  readonly #worker: Worker
  readonly #hasListened = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  /** Resolves at its end, with what it died of, if it has not closed as it was asked to. */
  readonly ended: Promise<Error | undefined>
  readonly startedMs = performance.now()
  /** Over it come the requests for `/__lb/`. */
  readonly adminPort: MessagePort
  #isTerminated = false
  /** Whether its drain has cut requests off; undefined until that is over. */
  hasCut: boolean | undefined

  /** @param entry the file that it runs */
  constructor(
    entry: string,
    data: Omit<FollowerData, 'adminPort' | 'hasListened'>,
    onMessage: (message: Exclude<FollowerMessage, ClosedMessage>) => void
  ) {
    const { own } = data.threads
    const env = { ...data.started.env } as NodeJS.ProcessEnv
    const { port1, port2 } = new MessageChannel()
    this.adminPort = port1
    const workerData: FollowerData = { ...data, adminPort: port2, hasListened: this.#hasListened }
    this.#worker = new Worker(entry, { workerData, transferList: [port2], env, name: `balancer ${own}` })
    this.#worker.on('message', (message: FollowerMessage) => {
      if (message.kind === 'closed') this.hasCut = message.hasCut
      else onMessage(message)
    })
    let error: Error | undefined
    this.#worker.on('error', (cause: Error) => {
      error = cause
    })
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        if (this.hasCut !== undefined) resolve(undefined)
        else if (this.#isTerminated) resolve(new Error('It did not close in time'))
        else resolve(error ?? new Error(`It ended with ${code}`))
      })
    })
  }

  /** Whether the descriptor that it was given has become its own. */
  get hasListened(): boolean {
    return Atomics.load(this.#hasListened, 0) === 1
  }

  tell(message: OwnerMessage): void {
    this.#worker.postMessage(message)
  }

  /**
   * Has it drain, or ends it if it does not listen yet: until its descriptor is closed, clients are not refused.
   * @param isHandover whether another process has taken over
   */
  close(isHandover: boolean): void {
    if (Atomics.compareExchange(this.#hasListened, 0, 0, NEVER) === 0) {
      this.hasCut = false
      void this.#worker.terminate()
    } else {
      this.tell({ kind: 'close', isHandover })
    }
  }

  /** Ends it at once. */
  async terminate(): Promise<void> {
    this.#isTerminated = true
    await this.#worker.terminate()
  }
}
