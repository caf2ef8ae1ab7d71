import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from '../response/client-stream.js'

/** A complete answer of the balancer's own. */
export interface RecordedAnswer {
  readonly statusCode: number
  /** Names and values in turn. */
  readonly fields: readonly string[]
  /** One character a byte; undefined for an answer without a body. */
  readonly body: string | undefined
}

/** A client that nothing is sent to: what the balancer answers itself is kept. */
export class RecordedClient implements ClientStream {
  readonly writableLength = 0
  readonly writableHighWaterMark = 1
  readonly takesBulk = false
  answered: RecordedAnswer | undefined
  readonly #onOver: (() => void)[] = []

  get statusCode(): number {
    return this.answered?.statusCode ?? 0
  }

  get writableFinished(): boolean {
    return this.answered !== undefined
  }

  answer(statusCode: number, _phrase: string, fields: readonly string[], body: string | undefined): void {
    this.answered = { statusCode, fields, body }
  }

  whenOver(callback: () => void): void {
    this.#onOver.push(callback)
  }

  /** Ends its side of the exchange. */
  leave(): void {
    for (const callback of this.#onOver) callback()
  }

  whenTaken(_callback: () => void): void {}
  sendInterim(_head: ResponseHead): void {}
  begin(_head: ResponseHead, _lines: string, _closing: boolean): void {}
  sendPart(_part: Buffer): void {}
  flush(): void {}
  finish(_last: Buffer | undefined, _trailers: readonly string[]): void {}
  cutOff(): void {}

  clientTunnel(): ClientTunnel {
    throw new Error('No backend has agreed to a tunnel')
  }
}
