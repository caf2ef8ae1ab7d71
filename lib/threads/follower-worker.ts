import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { FollowerData, FollowerMessage, OwnerMessage } from './messages.js'

/** A follower, as its owner sees it. */
export class FollowerWorker {
  readonly #worker: Worker
  /** Resolves at its end, with what it died of, if it was not asked to close. */
  readonly ended: Promise<Error | undefined>
  readonly startedMs = performance.now()
  /** Over it come the requests for `/__lb/`. */
  readonly adminPort: MessagePort
  #isClosing = false
  hasCut = false

  /** @param entry the file that it runs */
  constructor(
    entry: string,
    data: Omit<FollowerData, 'adminPort'>,
    onMessage: (message: FollowerMessage) => void
  ) {
    const { own } = data.threads
    const env = { ...data.given.env } as NodeJS.ProcessEnv
    const { port1, port2 } = new MessageChannel()
    this.adminPort = port1
    const workerData: FollowerData = { ...data, adminPort: port2 }
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
      this.#worker.once('exit', (code) =>
        resolve(this.#isClosing ? undefined : (error ?? new Error(`It ended with ${code}`)))
      )
    })
  }

  tell(message: OwnerMessage): void {
    this.#worker.postMessage(message)
  }

  /** Has it drain. */
  close(): void {
    this.#isClosing = true
    this.tell({ kind: 'close' })
  }

  /** Ends it at once. */
  async terminate(): Promise<void> {
    this.#isClosing = true
    await this.#worker.terminate()
  }
}
