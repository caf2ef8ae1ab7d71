import { readFileSync, statSync } from 'node:fs'
import { watchFiles } from '../../base/file-watch.js'
import { describeNetworkError } from '../../base/network-error.js'
import type { Source, SourceContext } from '../source.js'
import { readMembers } from '../spec/template.js'
import { entriesIn } from './content.js'
import type { FileGiven } from './options.js'

/** Upper bounds of a file: reading it blocks the balancer. */
const MAX_BYTES = 4 * 1024 * 1024
const MAX_ENTRIES = 10_000
/** Faults that are named. */
const MAX_FAULTS = 10

class WrongFile extends Error {}

/** @throws {WrongFile} for what to read might never end, as a pipe or a device, or take long */
function textOf(file: string): string {
  const stats = statSync(file)
  if (!stats.isFile()) throw new WrongFile('is not a regular file')
  if (stats.size > MAX_BYTES) throw new WrongFile(`has more than ${MAX_BYTES} bytes`)
  return readFileSync(file, 'utf8')
}

/** The members that a file lists. It is read again when it changes; one that is wrong changes nothing. */
export class FileSource implements Source {
  readonly #path: string
  readonly #context: SourceContext
  #watch: ReturnType<typeof watchFiles> | undefined

  constructor({ path }: FileGiven, context: SourceContext) {
    this.#path = path
    this.#context = context
  }

  start(): void {
    const read = () => this.#read()
    this.#watch = watchFiles([this.#path], read, read)
    read()
  }

  stop(): void {
    this.#watch?.stop()
  }

  #read(): void {
    const { template, faultOf, listener } = this.#context
    const faults: string[] = []
    const tell = (fault: string) => void faults.push(fault)
    try {
      const entries = entriesIn(textOf(this.#path), tell)
      if (entries.length > MAX_ENTRIES) throw new WrongFile(`has more than ${MAX_ENTRIES} backends`)
      const members = readMembers(entries, template, faultOf, tell)
      if (faults.length === 0) listener.onMembers(members)
      else {
        const others = faults.length > MAX_FAULTS ? [`and ${faults.length - MAX_FAULTS} more`] : []
        listener.onFailure([...faults.slice(0, MAX_FAULTS), ...others].join('; '))
      }
    } catch (error) {
      listener.onFailure(error instanceof WrongFile ? error.message : describeNetworkError(error as Error))
    }
  }
}
