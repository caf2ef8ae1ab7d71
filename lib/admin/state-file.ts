import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as v from 'valibot'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { type BackendSpec, specOf } from '../pool/spec/json-spec.js'
import type { StoredBackend } from './backend-list.js'

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
const content = v.strictObject({
  configured: v.array(v.unknown()),
  backends: v.pipe(v.array(backend), v.minLength(1))
})

/** What a state file holds: backends, undefined if there is no file; or why it is not used. */
export type StateRead =
  | { readonly backends: readonly StoredBackend[] | undefined }
  | { readonly outdated: true }
  | { readonly fault: string }

/**
 * The list of backends in a file, together with the configured backends that it started from: if those are others, the file
 * is outdated. Writes are atomic: a temporary file is renamed over the one before.
 */
export class StateFile {
  readonly #path: string
  #configured: readonly BackendSpec[]
  #content = ''
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  /** @param configured the backends of `LB_BACKENDS` */
  constructor(file: string, configured: readonly BackendConfig[]) {
    this.#path = file
    this.#configured = configured.map(specOf)
  }

  /** Sets the configured backends after a reload of the configuration. */
  configure(configured: readonly BackendConfig[]): void {
    this.#configured = configured.map(specOf)
  }

  read(): StateRead {
    try {
      const { configured, backends } = v.parse(content, JSON.parse(readFileSync(this.#path, 'utf8')))
      if (!isDeepStrictEqual(configured, this.#configured)) return { outdated: true }
      return { backends: backends as StoredBackend[] }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { backends: undefined }
      return { fault: v.isValiError(error) ? v.summarize(error.issues) : (error as Error).message }
    }
  }

  /** Resolves when this list, or a later one, is on disk. Lists that come during a write are saved by one further write. */
  save(backends: readonly StoredBackend[]): Promise<void> {
    this.#content = `${JSON.stringify({ configured: this.#configured, backends }, undefined, 2)}\n`
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

type FileHandle = Awaited<ReturnType<typeof open>>

async function using(name: string, flags: string, act: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(name, flags, MODE)
  try {
    await act(file)
  } finally {
    await file.close()
  }
}
