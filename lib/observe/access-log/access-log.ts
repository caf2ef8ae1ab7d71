import { type EndedRequest, isAborted } from '../../proxy/ended-request.js'
import { combinedLine, jsonLine, type LineFormat } from './lines.js'
import type { AccessLogConfig } from './options.js'

/** Where the lines go. */
export interface LineSink {
  write(line: string): void
}

/** Writes a line for each request that is to be logged, once it has ended. */
export class AccessLog {
  readonly #errors: boolean
  readonly #share: number
  readonly #format: LineFormat
  readonly #sink: LineSink

  constructor({ errors, share, format }: AccessLogConfig, sink: LineSink) {
    this.#errors = errors
    this.#share = share
    this.#format = format === 'json' ? jsonLine : combinedLine
    this.#sink = sink
  }

  record(ended: EndedRequest): void {
    if (!this.#isLogged(ended)) return
    this.#sink.write(this.#format(ended, Date.now()))
  }

  #isLogged(ended: EndedRequest): boolean {
    if (this.#share === 1) return true
    if (this.#errors && isError(ended)) return true
    return this.#share > 0 && Math.random() < this.#share
  }
}

/** Whether it ended otherwise than with a complete answer of a backend that is no server error. */
function isError(ended: EndedRequest): boolean {
  return ended.statusCode >= 500 || ended.failure !== undefined || isAborted(ended)
}
