import { type Stats, unwatchFile, watchFile } from 'node:fs'
import { canOpenFiles } from './shortage/resource.js'

const PERIOD_MS = 1000
/** For which nothing may change before that is told: files of a pair are mostly replaced one after the other. */
const QUIET_MS = 500

/**
 * Tells when any of some files has been replaced, removed or written to. It looks at them now and then, by their names:
 * the system's own notices are lost on network file systems, and where a name leads on to another folder, as those of
 * certbot and Kubernetes do. While no file can be opened for want of descriptors, nothing is told.
 */
export class FileWatch {
  readonly #files: readonly string[]
  readonly #onStat: (current: Stats, previous: Stats) => void
  #timer: NodeJS.Timeout | undefined

  constructor(files: readonly string[], onChange: () => void) {
    this.#files = [...new Set(files)]
    this.#onStat = (current, previous) => {
      // Node reports a file that does not exist once, as if it had changed.
      if (current.mode === 0 && previous.mode === 0) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(tell, QUIET_MS).unref()
    }
    const tell = () => {
      if (canOpenFiles()) onChange()
      else this.#timer = setTimeout(tell, PERIOD_MS).unref()
    }
    for (const file of this.#files) watchFile(file, { interval: PERIOD_MS, persistent: false }, this.#onStat)
  }

  stop(): void {
    clearTimeout(this.#timer)
    for (const file of this.#files) unwatchFile(file, this.#onStat)
  }
}
