import { readFileSync } from 'node:fs'
import { watchFiles } from '../../base/file-watch.js'
import { describeNetworkError } from '../../base/network-error.js'
import type { Source, SourceContext } from '../source.js'
import { readMembers } from '../spec/template.js'
import { entriesIn } from './content.js'
import type { FileGiven } from './options.js'

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
      const entries = entriesIn(readFileSync(this.#path, 'utf8'), tell)
      const members = readMembers(entries, template, faultOf, tell)
      if (faults.length === 0) listener.onMembers(members)
      else listener.onFailure(faults.join('; '))
    } catch (error) {
      listener.onFailure(describeNetworkError(error as Error))
    }
  }
}
