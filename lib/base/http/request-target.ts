import type { IncomingMessage } from 'node:http'

/** The prefix of the balancer's own paths. Every other path belongs to the backends. */
export const ADMIN_PREFIX = '/__lb/'

/** The path under which the router sees all proxied requests: it does not interpret their targets. */
export const PROXIED_PATH = '/'

/** Whether a raw request target is the balancer's own: compared byte for byte, never decoded. */
export function isAdminTarget(target: string): boolean {
  return target.startsWith(ADMIN_PREFIX)
}

/** A target without a route. */
const NO_PAGE = `${ADMIN_PREFIX}-`
/** What stands before the address of a backend. */
const BEFORE_ADDRESS = /^\/__lb\/api\/(?:pools\/[\w.-]+\/)?(?:backends|leases)\//
/** Letters, digits, `-`, `.`, `_` and `~`, which are not to be encoded (RFC 3986 section 2.3). */
const ENCODED_UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|5[0-9af]|7[0-9ae])/i

/**
 * One of the balancer's own targets, normalized for the router, which decodes paths: only the address of a backend may
 * be percent-encoded in it. Any other encoded path has no route.
 */
export function adminRouteOf(target: string): string {
  const [path = ''] = target.split('?', 1)
  if (!path.includes('%')) return target
  const [before] = BEFORE_ADDRESS.exec(path) ?? []
  if (before === undefined) return NO_PAGE
  const [address = '', ...rest] = path.slice(before.length).split('/')
  const suffix = rest.map((part) => `/${part}`).join('')
  if (suffix.includes('%') || ENCODED_UNRESERVED.test(address)) return NO_PAGE
  try {
    return before + encodeURIComponent(decodeURIComponent(address)) + suffix
  } catch {
    return NO_PAGE
  }
}

/** The target as the client sent it. In `url` Fastify has the path of its route, except of an upgrade. */
export function targetOf(req: IncomingMessage & { originalUrl?: string }): string {
  return req.originalUrl ?? req.url!
}

/** The parts of a request target. */
export interface Destination {
  /** In origin form, or `*`. */
  readonly path: string
  /** The authority, if the target names one. */
  readonly authority: string | undefined
}

/**
 * Splits a target of origin form, absolute form or asterisk form (RFC 9112 section 3.2). Nothing is decoded or
 * normalized. Undefined for any other target.
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
