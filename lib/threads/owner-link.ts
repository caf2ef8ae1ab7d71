import type { MessagePort } from 'node:worker_threads'
import type { Backend } from '../pool/backend.js'
import type { Following } from '../pool/registry-options.js'
import type { BackendReport, FollowedPool, FollowerMessage } from './messages.js'

/** What a follower reports of the backends of a pool, to the owner that decides what becomes of them. */
export class PoolLink {
  readonly #send: (id: number, report: BackendReport) => void

  constructor(send: (id: number, report: BackendReport) => void) {
    this.#send = send
  }

  /** For the registry of the pool. */
  following(ids: readonly number[]): Following {
    return {
      ids,
      reportFailure: (id, code, detail, unreachable) =>
        this.#send(id, { kind: 'failure', code, detail, unreachable })
    }
  }

  eject(backend: Backend, reason: string, isIndefinite = false): void {
    if (!backend.ejected) this.#send(backend.id, { kind: 'eject', reason, isIndefinite })
  }

  end(backend: Backend, reason: string): void {
    if (backend.ejected) this.#send(backend.id, { kind: 'end-ejection', reason })
  }
}

/** A follower's way to the owner. */
export class OwnerLink {
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    this.#port = port
  }

  send(message: FollowerMessage): void {
    this.#port.postMessage(message)
  }

  /** For one of its pools. */
  poolLink({ cells: pool }: Pick<FollowedPool, 'cells'>): PoolLink {
    return new PoolLink((id, report) => this.send({ kind: 'backend', pool, id, report }))
  }
}
