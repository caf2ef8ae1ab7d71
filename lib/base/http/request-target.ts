import type { IncomingMessage } from 'node:http'

/** The name space of the balancer's own paths. Nothing else is taken from the backends'. */
export const ADMIN_PREFIX = '/__lb/'

/** The one path that the router sees for all that is for a backend: targets are not its business. */
export const PROXIED_PATH = '/'

/** Whether a raw request target is the balancer's own: compared byte for byte, never decoded. */
export function isAdminTarget(target: string): boolean {
  return target.startsWith(ADMIN_PREFIX)
}

/** No page has this name. */
const NO_PAGE = `${ADMIN_PREFIX}-`
/** What the address of a backend follows. */
const ADDRESSES = `${ADMIN_PREFIX}api/backends/`
/** Letters, digits, `-`, `.`, `_` and `~`, which nobody encodes who means them (RFC 3986 section 2.3). */
const ENCODED_UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|5[0-9af]|7[0-9ae])/i

/**
 * One of the balancer's own targets for the router, which decodes paths: no page has an encoded name, but for the
 * address of a backend in it.
 */
export function adminRouteOf(target: string): string {
  const [path = ''] = target.split('?', 1)
  if (!path.includes('%')) return target
  if (!path.startsWith(ADDRESSES)) return NO_PAGE
  const [address = '', ...rest] = path.slice(ADDRESSES.length).split('/')
  const behind = rest.map((part) => `/${part}`).join('')
  if (behind.includes('%') || ENCODED_UNRESERVED.test(address)) return NO_PAGE
  try {
    return ADDRESSES + encodeURIComponent(decodeURIComponent(address)) + behind
  } catch {
    return NO_PAGE
  }
}

/** The target as the client sent it: Fastify has put the path of its route into `url`, except of an upgrade. */
export function targetOf(req: IncomingMessage & { originalUrl?: string }): string {
  return req.originalUrl ?? req.url!
}

/** Where a request goes. */
export interface Destination {
  /** In origin form, or `*`. */
  readonly path: string
  /** The authority, if the target names one. */
  readonly authority: string | undefined
}

/**
 * Splits a target of absolute form, or of one of the other forms that a backend can be sent (RFC 9112 section 3.2).
 * Nothing of it is decoded or normalized. Undefined if it has no such form.
 */
export function destinationOf(method: string, target: string): Destination | undefined {
  if (target.includes('#')) return undefined
  if (target.startsWith('/')) return { path: target, authority: undefined }
  if (target === '*') return method === 'OPTIONS' ? { path: target, authority: undefined } : undefined
  const [, authority, rest = ''] = /^https?:\/\/([^/?@\\]+)(?=[/?]|$)(.*)$/i.exec(target) ?? []
  if (authority === undefined) return undefined
  if (rest === '') return { path: method === 'OPTIONS' ? '*' : '/', authority }
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority }
}
