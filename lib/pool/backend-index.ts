import type { Backend } from './backend.js'

/** Backends in the order in which they were added, found by address and by id. */
export class BackendIndex {
  #all: readonly Backend[]
  readonly #byAddress = new Map<string, Backend>()
  readonly #byId = new Map<number, Backend>()

  constructor(backends: readonly Backend[]) {
    this.#all = backends
    for (const backend of backends) this.#enter(backend)
  }

  /** A new array after each change. */
  get all(): readonly Backend[] {
    return this.#all
  }

  /** The backend with this `host:port`. */
  at(address: string): Backend | undefined {
    return this.#byAddress.get(address)
  }

  withId(id: number): Backend | undefined {
    return this.#byId.get(id)
  }

  has(backend: Backend): boolean {
    return this.#byId.get(backend.id) === backend
  }

  remove(backends: ReadonlySet<Backend>): void {
    for (const { id, address } of backends) {
      this.#byId.delete(id)
      this.#byAddress.delete(address)
    }
    this.#all = this.#all.filter((backend) => !backends.has(backend))
  }

  add(backends: readonly Backend[]): void {
    for (const backend of backends) this.#enter(backend)
    this.#all = [...this.#all, ...backends]
  }

  #enter(backend: Backend): void {
    this.#byAddress.set(backend.address, backend)
    this.#byId.set(backend.id, backend)
  }
}
