import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { fieldValues } from './raw-headers.js'

const BEARER = /^Bearer +([\x21-\x7e]+)$/i
/** What browsers say of a request that a page of this very origin makes, or a person. */
const OWN_SITE = new Set(['same-origin', 'none'])

/** Tells who knows the token. Hashes are compared, so that the time that it takes says nothing of what was wrong. */
export class BearerToken {
  readonly #hash: Buffer

  constructor(token: string) {
    this.#hash = hashOf(token)
  }

  /**
   * Whether a request shows the token, in its one `Authorization` field.
   * @param rawHeaders names and values in turn
   */
  isSentIn(rawHeaders: readonly string[]): boolean {
    const [field = '', another] = fieldValues(rawHeaders, 'authorization')
    const [, token = ''] = BEARER.exec(field) ?? []
    return timingSafeEqual(hashOf(token), this.#hash) && token !== '' && another === undefined
  }
}

/**
 * Whether a request may come from a page of another site, or from one that does not say.
 * @param scheme of the connection, `http` or `https`
 */
export function isCrossSite(headers: IncomingHttpHeaders, scheme: string): boolean {
  const { origin, host = '' } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && (typeof site !== 'string' || !OWN_SITE.has(site))) return true
  return origin !== undefined && origin.toLowerCase() !== `${scheme}://${host}`.toLowerCase()
}

/**
 * Whether a version is one that `If-Match` asks for, or nothing is asked (RFC 9110 section 13.1.1). A weak tag matches
 * nothing.
 */
export function isVersionMatch(version: string, ifMatch: string | undefined): boolean {
  if (ifMatch === undefined) return true
  const tags = ifMatch.split(',').map((tag) => tag.trim())
  return tags.includes('*') || tags.includes(`"${version}"`)
}

const hashOf = (text: string) => createHash('sha256').update(text).digest()
