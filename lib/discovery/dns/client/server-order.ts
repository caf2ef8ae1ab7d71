import type { ResolverConfig } from './resolv-conf.js'
import type { Server } from './server.js'

/** How long a server that did not reply is asked after the others. */
const AVOIDED_MS = 30_000

/** Remembers which servers were silent, so that each question does not wait for them anew. */
export class ServerOrder {
  readonly #now: () => number
  /** By address, until when. */
  readonly #avoided = new Map<string, number>()
  #turn = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  onSilent({ address }: Server): void {
    this.#avoided.set(address, this.#now() + AVOIDED_MS)
  }

  onReply({ address }: Server): void {
    this.#avoided.delete(address)
  }

  /** The servers in the order in which the next question asks them. */
  next({ servers, isRotating }: ResolverConfig): Server[] {
    const nowMs = this.#now()
    const first = isRotating ? this.#turn++ % servers.length : 0
    const inTurn = [...servers.slice(first), ...servers.slice(0, first)]
    const isAvoided = ({ address }: Server) => (this.#avoided.get(address) ?? 0) > nowMs
    return [...inTurn.filter((server) => !isAvoided(server)), ...inTurn.filter(isAvoided)]
  }
}
