import type { Exchange } from './exchange.js'
import type { HeadCallback } from './head-callback.js'

/** The key of the exchange in a headers object: reply-from copies symbols, and no client can send one. */
const EXCHANGE = Symbol('exchange')

export interface ExchangeHeaders {
  readonly [EXCHANGE]: Exchange
}

/** The headers object that carries an exchange through reply-from. */
export function headersOf(exchange: Exchange): ExchangeHeaders {
  return { [EXCHANGE]: exchange }
}

/**
 * What reply-from takes as its `undici`: any object with `request(options, callback)`. All of the request but the
 * exchange is left behind, since reply-from's view of it (parsed URL, joined headers) is not what the client sent.
 */
export const dispatcher = {
  request({ headers }: { headers: ExchangeHeaders }, callback: HeadCallback): void {
    headers[EXCHANGE].start(callback)
  }
}
