import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Where the compiled tests lie. */
export const FOLDER = __dirname

/**
 * How many processes share the tests of some folders, those that take longest first. Each test opens what it needs and closes
 * it: no other sees anything of it.
 */
const SHARED: readonly (readonly [folders: readonly string[], processes: number])[] = [
  [['process'], 4],
  [['threads'], 2],
  [['package', 'deploy'], 1],
  [['forward'], 3],
  [['over-tls'], 1],
  [['conformance'], 1],
  [['routes', 'plugins', 'library'], 1],
  [['bench', 'bin', 'chaos', 'convert', 'soak'], 2],
  [['lib'], 2],
  [['histories'], 1],
  [['lanes'], 1],
  [['config', 'docs', 'app', '.'], 1]
]
/** What measures its process, or asks what is loaded into it, has one of its own. */
const ALONE = /heldMemory|buffersSince|heldSince|memoryUsage|in require\.cache|undici\/preload/
/** What every balancer of the process is started with. */
const SETTING = /\b(?:overTls|inLane|inThreads)\)\((?:'\w+')?/

/** The variable that gives a batch its files, with commas between them: to look for them takes each an eighth of a second. */
export const FILES = 'TEST_BATCH_FILES'

/** Test files that run in one Node, one after the other. */
export interface Batch {
  readonly name: string
  readonly files: readonly string[]
}

const nameOf = (file: string) => file.replace(/\.test\.js$/, '')

/**
 * All test files. To load tap, Fastify and the balancer, and to run them while they are cold,
 * costs most files more than their tests.
 */
export function batches(): Batch[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .sort()
  const alone: string[] = []
  const shared: Batch[] = []
  const rest = new Set(files)
  for (const [folders, processes] of SHARED) {
    /** By what they set. */
    const kinds = new Map<string, string[]>()
    for (const file of rest) {
      const [folder] = path.join(path.dirname(file), path.sep).split(path.sep)
      if (!folders.includes(folder!)) continue
      rest.delete(file)
      const text = readFileSync(path.join(FOLDER, file), 'utf8')
      const [kind = ''] = SETTING.exec(text) ?? []
      if (ALONE.test(text)) alone.push(file)
      else kinds.set(kind, [...(kinds.get(kind) ?? []), file])
    }
    let count = 0
    for (const ofKind of kinds.values())
      for (let i = 0; i < Math.min(processes, ofKind.length); i++)
        shared.push({
          name: `${folders[0]}-${++count}`,
          files: ofKind.filter((_, at) => at % processes === i)
        })
  }
  return spread(
    [...alone, ...rest].map((file) => ({ name: nameOf(file), files: [file] })),
    shared
  )
}

/** Puts those of `few`, in their order, evenly among `many`: the ones mostly wait, while the others take a processor each. */
function spread<T>(few: readonly T[], many: readonly T[]): T[] {
  const spaced = few.map((one, i): [place: number, one: T] => [(i + 0.5) / few.length, one])
  const all = many.map((one, i): [place: number, one: T] => [(i + 0.5) / many.length, one])
  return [...all, ...spaced].sort(([a], [b]) => a - b).map(([, one]) => one)
}
