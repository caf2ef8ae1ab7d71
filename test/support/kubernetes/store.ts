import { EventEmitter } from 'node:events'
import type { EndpointSlice } from './slices.js'

/** What a watch tells of a change. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly version: number
  /** As it is then, or as it was deleted. */
  readonly object: EndpointSlice
  /** As it was before. */
  readonly before: EndpointSlice | undefined
}

const keyOf = ({ metadata: { namespace, name } }: EndpointSlice) => `${namespace}/${name}`

/** Objects with their history: each change has a version, of those of all objects the next one. */
export class Store extends EventEmitter<{ change: [Change] }> {
  readonly #objects = new Map<string, EndpointSlice>()
  #changes: Change[] = []
  #version = 1000
  #compacted = 1000

  constructor() {
    super()
    this.setMaxListeners(0)
  }

  get version(): number {
    return this.#version
  }

  /** In the order of their keys. */
  get all(): EndpointSlice[] {
    return [...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  /** Creates objects, or replaces them. */
  put(...objects: readonly EndpointSlice[]): void {
    for (const given of objects) {
      const before = this.#objects.get(keyOf(given))
      const object = this.#versioned(given)
      this.#objects.set(keyOf(object), object)
      this.#tell({ type: before ? 'MODIFIED' : 'ADDED', version: this.#version, object, before })
    }
  }

  delete(name: string, namespace = 'shop'): void {
    const before = this.#objects.get(`${namespace}/${name}`)
    if (!before) throw new Error(`there is no ${name}`)
    this.#objects.delete(`${namespace}/${name}`)
    this.#tell({ type: 'DELETED', version: this.#version + 1, object: this.#versioned(before), before })
  }

  /** Something else in the cluster changes. */
  passOn(versions = 1): void {
    this.#version += versions
  }

  /** Forgets what happened until now. */
  compact(): void {
    this.#compacted = this.#version
    this.#changes = []
  }

  /** The changes after a version, or undefined if some of them are forgotten. */
  since(version: number): readonly Change[] | undefined {
    return version < this.#compacted ? undefined : this.#changes.filter((change) => change.version > version)
  }

  #versioned(object: EndpointSlice): EndpointSlice {
    const copy = structuredClone(object)
    copy.metadata.resourceVersion = `${++this.#version}`
    return copy
  }

  #tell(change: Change): void {
    this.#changes.push(change)
    this.emit('change', change)
  }
}
