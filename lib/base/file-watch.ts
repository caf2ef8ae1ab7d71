import { createHash } from 'node:crypto'
import { readFileSync, type Stats, statSync, unwatchFile, watchFile } from 'node:fs'
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
  /** What the files held when they were read for another reason. */
  #read: string | undefined

  constructor(files: readonly string[], onChange: () => void) {
    this.#files = [...new Set(files)]
    this.#onStat = (current, previous) => {
      // Node reports a file that does not exist once, as if it had changed.
      if (current.mode === 0 && previous.mode === 0) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(notify, DEBOUNCE_MS).unref()
    }
    const notify = () => {
      if (canOpenFiles()) {
        if (this.#read === undefined || this.#read !== this.#digest()) onChange()
      } else this.#timer = setTimeout(notify, PERIOD_MS).unref()
    }
    const options = { interval: PERIOD_MS, persistent: false }
    // Hundreds of pools may have the same file.
    for (const file of this.#files) watchFile(file, options, this.#onStat).setMaxListeners(0)
  }

  /** To be called before the files are read for another reason: what was written by then is not reported any more. */
  noteReading(): void {
    this.#read = this.#digest()
  }

  #digest(): string {
    const hash = createHash('sha256')
    for (const file of this.#files) for (const part of stateOf(file)) hash.update(part).update('\0')
    return hash.digest('base64')
  }

  /** Ends the watch. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const file of this.#files) unwatchFile(file, this.#onStat)
  }
}

/**
 * What is in a file, and which file it is: one that is written again is another, be it by the same content, as what it refers
 * to may be there by now.
 */
function stateOf(file: string): (Buffer | string)[] {
  try {
    const { ino, mtimeMs } = statSync(file)
    return [readFileSync(file), `${ino} ${mtimeMs}`]
  } catch (error) {
    return [String(error)]
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
