import { createHash, timingSafeEqual } from 'node:crypto'
import { fieldValues } from './raw-headers.js'

const BEARER = /^Bearer +([\x21-\x7e]+)$/i

/**
 * The token of the API. Hashes are compared, in constant time, so that the time a comparison takes tells nothing about
 * the token.
 */
export class BearerToken {
  readonly #hash: Buffer

  constructor(token: string) {
    this.#hash = hashOf(token)
  }

  /**
   * Whether a request carries the token in its only `Authorization` field (RFC 6750 section 2.1).
   * @param rawHeaders names and values in turn
   */
  isSentIn(rawHeaders: readonly string[]): boolean {
    const [field = '', another] = fieldValues(rawHeaders, 'authorization')
    const [, token = ''] = BEARER.exec(field) ?? []
    return timingSafeEqual(hashOf(token), this.#hash) && token !== '' && another === undefined
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest()
