import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

const bytesPerMib = 1_048_576
const connectWithinMs = 10_000
const connectPollMs = 50
/** Of objects, and of what they hold outside of V8's heap, such as buffers. */
const heapExpression = '{ const { heapUsed, external } = process.memoryUsage(); heapUsed + external }'

/** A thread beside the first, by its session of the inspector. */
type Session = string | undefined

interface Answer {
  readonly result?: { readonly value: unknown }
}

/** What the inspector says: an answer, or an event. */
interface Said {
  readonly id?: number
  readonly method?: string
  readonly result?: Answer
  readonly params?: { readonly sessionId: string; readonly message: string }
}

/** Measures the memory in use of another Node process with all its threads, through its inspector. */
export class Heap {
  readonly #socket: WebSocket
  readonly #sessions = new Set<Session>([undefined])
  readonly #waiting = new Map<number, { readonly session: Session; resolve(answer: Answer): void }>()
  #count = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.#onSaid(JSON.parse(String(data))))
  }

  /** @param port where the inspector of the process listens, or will in a moment */
  static async of(port: number): Promise<Heap> {
    const socket = new WebSocket(await inspectorUrl(port))
    await once(socket, 'open')
    const heap = new Heap(socket)
    await heap.#ask(undefined, 'NodeWorker.enable', { waitForDebuggerOnStart: false })
    return heap
  }

  /** Memory in use after a full garbage collection, in MiB. */
  async usedMib(): Promise<number> {
    let bytes = 0
    for (const session of [...this.#sessions]) {
      await this.#ask(session, 'HeapProfiler.collectGarbage', {})
      const { result } = await this.#ask(session, 'Runtime.evaluate', { expression: heapExpression })
      bytes += Number(result?.value ?? 0)
    }
    return bytes / bytesPerMib
  }

  close(): void {
    this.#socket.terminate()
  }

  #ask(session: Session, method: string, params: object): Promise<Answer> {
    if (!this.#sessions.has(session)) return Promise.resolve({})
    const message = JSON.stringify({ id: ++this.#count, method, params })
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(this.#count, { session, resolve }))
    const relayed = { sessionId: session, message }
    if (session === undefined) this.#socket.send(message)
    // The answer to that, of no number that anybody waits for, says nothing.
    else
      this.#socket.send(JSON.stringify({ id: 0, method: 'NodeWorker.sendMessageToWorker', params: relayed }))
    return answer
  }

  #onSaid({ id, method, result = {}, params }: Said): void {
    if (id) this.#answer(id, result)
    else if (method === 'NodeWorker.attachedToWorker') this.#sessions.add(params!.sessionId)
    else if (method === 'NodeWorker.receivedMessageFromWorker') this.#onSaid(JSON.parse(params!.message))
    else if (method === 'NodeWorker.detachedFromWorker') this.#end(params!.sessionId)
  }

  #answer(id: number, answer: Answer): void {
    this.#waiting.get(id)?.resolve(answer)
    this.#waiting.delete(id)
  }

  /** A thread that is no more uses nothing. */
  #end(ended: string): void {
    this.#sessions.delete(ended)
    for (const [id, { session }] of this.#waiting) if (session === ended) this.#answer(id, {})
  }
}

async function inspectorUrl(port: number): Promise<string> {
  const deadlineMs = performance.now() + connectWithinMs
  for (;;) {
    try {
      const [target] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()
      return target.webSocketDebuggerUrl
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await sleep(connectPollMs)
    }
  }
}
