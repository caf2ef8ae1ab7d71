import { type Stats, unwatchFile, watchFile } from 'node:fs'
import { canOpenFiles } from './shortage/resource.js'

const PERIOD_MS = 1000
/** Time without a change before it is reported: the two files of a key pair are mostly replaced one after the other. */
const DEBOUNCE_MS = 500

/**
 * Calls back when any of some files was replaced, removed or written to. It polls them by name: the notifications of the
 * system are lost on network file systems, and through symbolic links to another folder, as certbot and Kubernetes make
 * them. While no file can be opened, for lack of descriptors, it waits.
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
      this.#timer = setTimeout(notify, DEBOUNCE_MS).unref()
    }
    const notify = () => {
      if (canOpenFiles()) onChange()
      else this.#timer = setTimeout(notify, PERIOD_MS).unref()
    }
    const options = { interval: PERIOD_MS, persistent: false }
    // Hundreds of pools may have the same file.
    for (const file of this.#files) watchFile(file, options, this.#onStat).setMaxListeners(0)
  }

  /** Ends the watch. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const file of this.#files) unwatchFile(file, this.#onStat)
  }
}

/**
 * Has some files read again when they change.
 * @param read throws if they are wrong
 * @param onWrong told of that
 */
export function watchFiles(
  files: readonly string[],
  read: () => void,
  onWrong: (error: Error) => void
): FileWatch {
  return new FileWatch(files, () => {
    try {
      read()
    } catch (error) {
      onWrong(error as Error)
    }
  })
}
