import { OWN_CELLS } from '../base/cells/shared-cells.js'
import { Backend, STATES } from './backend.js'
import { backendBlock, CellBlock } from './cell-block.js'
import { BackendCell } from './cells.js'
import type { RegistryOptions } from './registry-options.js'
import type { BackendConfig } from './spec/backend-spec.js'

/** Makes backends, each with cells and an id of its own. */
export class BackendFactory {
  readonly #options: RegistryOptions
  readonly #now: () => Date
  #nextId: number

  constructor(options: RegistryOptions, now: () => Date, predecessor?: BackendFactory) {
    this.#options = options
    this.#now = now
    this.#nextId = predecessor ? predecessor.#nextId : 0
  }

  /**
   * @param given its id; if undefined, that of `before` or a new one
   * @param before that of this address in another registry: it goes on with that, if both are the same backend
   */
  create(config: BackendConfig, given?: number, before?: Backend): Backend {
    const alike = before?.config.protocol === config.protocol ? before : undefined
    const id = given ?? alike?.id ?? this.#nextId++
    const { initialState, createPool, cells = OWN_CELLS, following } = this.#options
    const same = alike?.id === id ? alike : undefined
    const block = same?.block ?? new CellBlock(cells, backendBlock(id))
    if (!same && !following) block.counters.set(BackendCell.state, STATES.indexOf(initialState))
    const backend = new Backend(id, config, block, createPool(config), this.#now())
    if (same) backend.follow(same)
    if (!following) backend.publish()
    return backend
  }

  /** Its cells can serve others: no thread has requests there any more. */
  forget({ id }: Backend): void {
    this.#options.cells?.forget(backendBlock(id))
  }
}
