import type { ServerResponse } from 'node:http'
import { refuse, statusOf } from './answers.js'
import { isSelected } from './list.js'
import type { Change, Store } from './store.js'

const USUAL_WATCH_S = 60

/** How the bytes of a watch come. */
export type Chunking = 'events' | 'odd'

/** A watch that a client has. */
interface Watch {
  readonly res: ServerResponse
  end: () => void
  send(change: Change): void
  /** Events that are held back. */
  readonly held: string[]
}

/** The watches of clients. */
export class Watches {
  chunking: Chunking = 'events'
  /** Whether what happens is held back. */
  isSlow = false
  readonly #store: Store
  readonly #all = new Set<Watch>()

  constructor(store: Store) {
    this.#store = store
    store.on('change', (change) => {
      for (const watch of this.#all) watch.send(change)
    })
  }

  get count(): number {
    return this.#all.size
  }

  /** Answers a request to watch. */
  serve(namespace: string | undefined, query: URLSearchParams, res: ServerResponse): void {
    const selector = query.get('labelSelector')
    const missed = this.#store.since(Number(query.get('resourceVersion')))
    if (!missed) {
      refuse(res, 410, 'Expired', 'too old resource version')
      return
    }
    res.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders()
    const watch: Watch = {
      res,
      held: [],
      end: () => {},
      send: ({ type, object, before }) => {
        // By what is selected, one that ceases to be so is deleted, and one that begins to be so is added.
        const is = type !== 'DELETED' && isSelected(object, namespace, selector)
        const was = before !== undefined && isSelected(before, namespace, selector)
        if (is || was) this.#write(watch, { type: !is ? 'DELETED' : was ? 'MODIFIED' : 'ADDED', object })
      }
    }
    this.#all.add(watch)
    for (const change of missed) watch.send(change)
    const seconds = Number(query.get('timeoutSeconds') ?? USUAL_WATCH_S)
    const end = () => {
      clearTimeout(timer)
      this.#all.delete(watch)
      res.end()
    }
    const timer = setTimeout(end, seconds * 1000).unref()
    watch.end = end
    res.on('close', end)
  }

  /** Tells up to which version everything was told. */
  bookmark(): void {
    const metadata = { resourceVersion: `${this.#store.version}`, creationTimestamp: null }
    const object = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata,
      endpoints: null,
      ports: null,
      addressType: ''
    }
    for (const watch of this.#all) this.#write(watch, { type: 'BOOKMARK', object })
  }

  /** Sends an error as an event, and ends the watches. */
  fail(code: number, reason: string, message: string): void {
    this.raw(`${JSON.stringify({ type: 'ERROR', object: statusOf(code, reason, message) })}\n`)
    this.end()
  }

  /** Sends bytes that are no event of the store. */
  raw(bytes: string | Buffer): void {
    for (const { res } of this.#all) res.write(bytes)
  }

  /** Ends them, as the API does after some time. */
  end(): void {
    for (const watch of this.#all) watch.end()
  }

  /** Sends what was held back. */
  goOn(): void {
    this.isSlow = false
    for (const { res, held } of this.#all) for (const line of held.splice(0)) res.write(line)
  }

  #write({ res, held }: Watch, event: object): void {
    const line = `${JSON.stringify(event)}\n`
    if (this.isSlow) held.push(line)
    else if (this.chunking === 'events') res.write(line)
    else for (const part of oddParts(Buffer.from(line))) res.write(part)
  }
}

/** Pieces that end within characters, names and numbers. */
function oddParts(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let from = 0, size = 1; from < bytes.length; from += size, size = ((size * 7 + 3) % 61) + 1)
    parts.push(bytes.subarray(from, from + size))
  return parts
}
