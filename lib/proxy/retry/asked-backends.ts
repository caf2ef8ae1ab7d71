import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import type { Forwarding } from '../forwarding.js'

/** The backends that were asked for one request so far, and who is next. */
export class AskedBackends {
  readonly #asked: Backend[] = []
  /** Those of them that are not asked again. */
  readonly #failed: Backend[] = []
  readonly #forwarding: Forwarding
  readonly #req: IncomingMessage

  constructor(forwarding: Forwarding, req: IncomingMessage) {
    this.#forwarding = forwarding
    this.#req = req
  }

  get isEmpty(): boolean {
    return this.#asked.length === 0
  }

  get latest(): Backend | undefined {
    return this.#asked.at(-1)
  }

  /** @param mayBeAskedAgain if there is no other */
  add(backend: Backend, mayBeAskedAgain: boolean): void {
    this.#asked.push(backend)
    if (!mayBeAskedAgain) this.#failed.push(backend)
  }

  /** All of them, and this one. */
  and(backend: Backend): readonly Backend[] {
    return [...this.#asked, backend]
  }

  /** Any may be asked again. */
  clear(): void {
    this.#asked.length = this.#failed.length = 0
  }

  /** Whether a backend that may still be asked can be waited for. */
  canWait(): boolean {
    return this.#forwarding.selector.canWait(this.#failed)
  }

  /** One with room that was not asked yet. */
  other(): Backend | undefined {
    return this.#forwarding.selector.select(this.#req, this.#asked)
  }

  /**
   * One with room that may be asked next: another one if there is.
   * @param mayGoBack whether the backend of its session may be asked once more before others
   */
  next(mayGoBack: boolean): Backend | undefined {
    const { selector, sessions } = this.#forwarding
    const asked = this.#asked
    if (this.#failed.length === asked.length) return this.other()
    const goesBack = mayGoBack && asked.length === 1 && sessions?.backendOf(this.#req) === asked[0]
    return (
      (goesBack ? selector.select(this.#req) : undefined) ??
      this.other() ??
      selector.select(this.#req, this.#failed)
    )
  }
}
