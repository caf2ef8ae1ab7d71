import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as v from 'valibot'
import { type BackendSpec, specOf } from '../../pool/spec/json-spec.js'
import type { Configured, StoredBackend, StoredList, StoredOrders } from './orders.js'

/** Only the owner can read or write it: addresses of backends are not public. */
const MODE = 0o600

const backend = v.objectWithRest(
  {
    address: v.string(),
    draining: v.optional(v.boolean()),
    health: v.optional(v.picklist(['healthy', 'unhealthy']))
  },
  v.union([v.string(), v.number(), v.boolean()])
)
const orders = v.strictObject({
  address: v.string(),
  weight: v.optional(v.number()),
  max: v.optional(v.number()),
  backup: v.optional(v.boolean()),
  draining: v.optional(v.boolean()),
  health: v.optional(v.picklist(['healthy', 'unhealthy']))
})
const content = v.strictObject({
  configured: v.array(v.unknown()),
  backends: v.array(backend),
  orders: v.optional(v.array(orders), [])
})

/** What a state file holds: the list, undefined if there is no file; or why it is not used. */
export type StateRead =
  | { readonly stored: StoredList | undefined }
  | { readonly outdated: true }
  | { readonly fault: string }

/**
 * The list of backends in a file, together with the configured backends that it started from: if those are others, the file
 * is outdated. Writes are atomic: a temporary file is renamed over the one before.
 */
export class StateFile {
  readonly #path: string
  #configured: readonly (BackendSpec | string)[]
  #content = ''
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  /** @param configured what `LB_BACKENDS` says */
  constructor(file: string, configured: Configured) {
    this.#path = file
    this.#configured = textsOf(configured)
  }

  /** Sets what is configured after a reload of the configuration. */
  configure(configured: Configured): void {
    this.#configured = textsOf(configured)
  }

  read(): StateRead {
    try {
      const { configured, backends, orders } = v.parse(content, JSON.parse(readFileSync(this.#path, 'utf8')))
      if (!isDeepStrictEqual(configured, this.#configured)) return { outdated: true }
      const hasSources = configured.some((each) => typeof each === 'string')
      if (backends.length === 0 && !hasSources) return { fault: 'backends: it has none' }
      return { stored: { backends: backends as StoredBackend[], orders: orders as StoredOrders[] } }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { stored: undefined }
      return { fault: v.isValiError(error) ? v.summarize(error.issues) : (error as Error).message }
    }
  }

  /** Resolves when this list, or a later one, is on disk. Lists that come during a write are saved by one further write. */
  save({ backends, orders }: StoredList): Promise<void> {
    const content = { configured: this.#configured, backends, ...(orders.length > 0 ? { orders } : {}) }
    this.#content = `${JSON.stringify(content, undefined, 2)}\n`
    if (!this.#next) {
      const before = this.#last.catch(() => {})
      this.#last = this.#next = before.then(() => {
        this.#next = undefined
        return this.#write(this.#content)
      })
    }
    return this.#next
  }

  /** Resolves when nothing is left to write; rejects if the latest write failed. */
  get saved(): Promise<void> {
    return this.#last
  }

  async #write(text: string): Promise<void> {
    const { dir, base } = path.parse(this.#path)
    const temporary = path.join(dir, `.${base}.${process.pid}`)
    try {
      await using(temporary, 'w', async (file) => {
        await file.writeFile(text)
        await file.sync()
      })
      await rename(temporary, this.#path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    // So that the rename, too, survives a loss of power.
    await using(dir, 'r', (folder) => folder.sync())
  }
}

const textsOf = ({ backends, sources }: Configured) => [
  ...backends.map(specOf),
  ...sources.map(({ name }) => name)
]

type FileHandle = Awaited<ReturnType<typeof open>>

async function using(name: string, flags: string, act: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(name, flags, MODE)
  try {
    await act(file)
  } finally {
    await file.close()
  }
}
