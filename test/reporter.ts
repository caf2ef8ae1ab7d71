import { Transform, type TransformCallback } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** What is told of an assertion or a subtest that passed; a batch, and what was skipped, is shown. */
const PASSED = /^(?! {4}ok )\s*(?:ok (?!.*# SKIP)|# (?!\{)|1\.\.\d|\}?$)/

/**
 * tap's output without what has passed, but for a line for each file: its other reporters lay out each of some
 * 40,000 assertions, which takes as long as a tenth of the tests.
 */
class Reporter extends Transform {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop()!
    done(null, shown(lines))
  }

  override _flush(done: TransformCallback): void {
    done(null, shown([this.#rest]))
  }
}

function shown(lines: readonly string[]): string {
  const kept = lines.filter((line) => !PASSED.test(line))
  return kept.length > 0 ? `${kept.join('\n')}\n` : ''
}

export = Reporter
