import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

const bytesPerMib = 1_048_576
const connectWithinMs = 10_000
const connectPollMs = 50
/** Of objects, and of what they hold outside of V8's heap, such as buffers. */
const heapExpression = '{ const { heapUsed, external } = process.memoryUsage(); heapUsed + external }'

/** Measures the memory in use of another Node process, through its inspector. */
export class Heap {
  readonly #socket: WebSocket
  #count = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** @param port where the inspector of the process listens, or will in a moment */
  static async of(port: number): Promise<Heap> {
    const socket = new WebSocket(await inspectorUrl(port))
    await once(socket, 'open')
    return new Heap(socket)
  }

  /** Memory in use after a full garbage collection, in MiB. */
  async usedMib(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage', {})
    const { result } = await this.#ask('Runtime.evaluate', { expression: heapExpression })
    return Number(result?.value) / bytesPerMib
  }

  close(): void {
    this.#socket.terminate()
  }

  async #ask(method: string, params: object): Promise<{ result?: { value: unknown } }> {
    this.#count++
    const id = this.#count
    this.#socket.send(JSON.stringify({ id, method, params }))
    for (;;) {
      const [data] = await once(this.#socket, 'message')
      const answer = JSON.parse(String(data))
      if (answer.id === id) return answer.result
    }
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
