import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import type { Forwarding } from '../forwarding.js'

/** The backends that were tried for one request so far, and which comes next. */
export class TriedBackends {
  readonly #tried: Backend[] = []
  /** Those of them that are not tried again. */
  readonly #failed: Backend[] = []
  readonly #forwarding: Forwarding
  readonly #req: IncomingMessage

  constructor(forwarding: Forwarding, req: IncomingMessage) {
    this.#forwarding = forwarding
    this.#req = req
  }

  get isEmpty(): boolean {
    return this.#tried.length === 0
  }

  get latest(): Backend | undefined {
    return this.#tried.at(-1)
  }

  /** @param mayBeTriedAgain if there is no other */
  add(backend: Backend, mayBeTriedAgain: boolean): void {
    this.#tried.push(backend)
    if (!mayBeTriedAgain) this.#failed.push(backend)
  }

  /** All of them, and this one. */
  and(backend: Backend): readonly Backend[] {
    return [...this.#tried, backend]
  }

  /** Any may be tried again. */
  clear(): void {
    this.#tried.length = this.#failed.length = 0
  }

  /** Whether a backend that may still be tried is worth waiting for. */
  canWait(): boolean {
    return this.#forwarding.selector.canWait(this.#failed)
  }

  /** One with room that was not tried yet. */
  other(): Backend | undefined {
    return this.#forwarding.selector.select(this.#req, this.#tried)
  }

  /**
   * One that may be tried next, with a slot acquired on it: another one if there is.
   * @param mayGoBack whether the backend of its session may be tried once more before others
   */
  acquireNext(mayGoBack: boolean): Backend | undefined {
    const { selector, sessions } = this.#forwarding
    const tried = this.#tried
    const req = this.#req
    if (this.#failed.length === tried.length) return selector.acquire(req, tried)
    const goesBack = mayGoBack && tried.length === 1 && sessions?.backendOf(req) === tried[0]
    return (
      (goesBack ? selector.acquire(req) : undefined) ??
      selector.acquire(req, tried) ??
      selector.acquire(req, this.#failed)
    )
  }
}
