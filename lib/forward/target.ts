/** The name space of the balancer's own paths. Nothing else is taken from the backends'. */
export const OWN_PREFIX = '/__lb/'

/** The one path that the router sees for all that is for a backend: targets are not its business. */
export const PROXIED_PATH = '/'

/** Whether a raw request target is the balancer's own: compared byte for byte, never decoded. */
export function isOwnTarget(target: string): boolean {
  return target.startsWith(OWN_PREFIX)
}

/** One of the balancer's own targets for the router, which decodes paths: no page has an encoded name. */
export function ownPage(target: string): string {
  const [path = ''] = target.split('?', 1)
  return path.includes('%') ? OWN_PREFIX : target
}

/**
 * A target in origin form for a backend: absolute form loses its scheme and authority (RFC 9112 section 3.2.2), all
 * else stays byte for byte.
 */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target
  const match = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)
  if (!match) return target
  const path = match[1]!
  return path.startsWith('/') ? path : `/${path}`
}

/** The authority in a target of absolute form, which goes before the Host field (RFC 9112 section 3.2.2). */
export function authorityOf(target: string): string | undefined {
  if (target.charCodeAt(0) === SLASH) return undefined
  return /^https?:\/\/(?:[^/?#@]*@)?([^/?#@]+)/i.exec(target)?.[1]
}

const SLASH = 47
