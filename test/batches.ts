import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** Where the compiled tests lie. */
export const FOLDER = __dirname

/** Folders whose tests share a process: each of them starts servers in it that no other test sees. */
const SHARING = ['forward', 'conformance', 'routes', 'plugins', 'library', 'config', 'docs', 'lib']
/** What measures its process, or asks what is loaded into it, has one of its own. */
const MEASURING = /heldMemory|heldSince|memoryUsage|require\.cache/
/** No batch is so long that others would wait for it. */
const BATCH_BYTES = 80_000

/** Test files that run in one Node, one after the other. */
export interface Batch {
  readonly name: string
  readonly files: readonly string[]
}

const bytesOf = (file: string) => statSync(path.join(FOLDER, file)).size
const measures = (file: string) => MEASURING.test(readFileSync(path.join(FOLDER, file), 'utf8'))

/**
 * All test files, those that take long first. To load tap, Fastify and the balancer, and to run them while they are cold,
 * costs most files more than their tests.
 */
export function batches(): Batch[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.js')
  )
  const shared: Batch[] = []
  for (const folder of SHARING) {
    const inFolder = files.filter((file) => file.startsWith(`${folder}${path.sep}`) && !measures(file)).sort()
    const count = Math.ceil(inFolder.reduce((sum, file) => sum + bytesOf(file), 0) / BATCH_BYTES)
    for (let i = 0; i < count; i++)
      shared.push({ name: `${folder}-${i + 1}`, files: inFolder.filter((_, at) => at % count === i) })
  }
  const rest = new Set(files)
  for (const { files } of shared) for (const file of files) rest.delete(file)
  // Processes take long to start and to end.
  const alone = [...rest].sort((a, b) => Number(b.startsWith('process')) - Number(a.startsWith('process')))
  return [...alone.map((file) => ({ name: file.replace(/\.test\.js$/, ''), files: [file] })), ...shared]
}
