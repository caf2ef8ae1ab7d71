import type { BackendPool } from '../transport/backend-connections.js'
import type { Backend } from './backend.js'

/** Connections that take no new requests, and close when those that they have are over. */
export class ClosingConnections {
  readonly #backends = new Set<Backend>()
  readonly #pools = new Set<BackendPool>()
  readonly #onClosed: (backend: Backend) => void

  /** @param onClosed called for a removed backend when no thread has requests there any more */
  constructor(onClosed: (backend: Backend) => void) {
    this.#onClosed = onClosed
  }

  /** Those of a backend that was removed. */
  addBackend(backend: Backend): void {
    this.#backends.add(backend)
  }

  /** Those that others have replaced. */
  addPool(pool: BackendPool): void {
    this.#pools.add(pool)
    void pool.close().then(() => this.#pools.delete(pool))
  }

  /** Closes those of removed backends that have no requests any more. */
  tick(): void {
    for (const backend of this.#backends) {
      if (backend.active > 0) continue
      this.#backends.delete(backend)
      void backend.pool.destroy()
      this.#onClosed(backend)
    }
  }

  /** Closes all of them at once. */
  async destroy(): Promise<void> {
    const pools = [...this.#backends].map(({ pool }) => pool)
    await Promise.all([...pools, ...this.#pools].map((pool) => pool.destroy()))
  }
}
