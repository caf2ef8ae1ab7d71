import { type FSWatcher, statSync, watch } from 'node:fs'
import path from 'node:path'

/** Editors write a file in several steps, and orchestrators swap links. */
const SETTLE_MS = 200

/**
 * Calls `changed` a moment after one of the files has changed, come or gone. Their folders are watched, as a file that is
 * replaced by another is not the one that was watched; what else happens in them is nothing to it.
 * @returns what ends it
 */
export function watchFiles(files: readonly string[], changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let known = files.map(stateOf)
  const look = () => {
    const now = files.map(stateOf)
    if (now.every((state, index) => state === known[index])) return
    known = now
    changed()
  }
  const soon = () => {
    clearTimeout(timer)
    timer = setTimeout(look, SETTLE_MS)
    timer.unref()
  }
  const watchers: FSWatcher[] = []
  for (const folder of new Set(files.map((file) => path.dirname(path.resolve(file))))) {
    try {
      const watcher = watch(folder, { persistent: false }, soon)
      // A folder that goes is no reason to end.
      watcher.on('error', () => watcher.close())
      watchers.push(watcher)
    } catch {
      // One that is not there, or cannot be watched: SIGHUP is left.
    }
  }
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** What is different after a file was written or replaced. */
function stateOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stats ? `${stats.ino} ${stats.mtimeNs} ${stats.size}` : 'none'
}
