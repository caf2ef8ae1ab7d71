import type { BlockList } from 'node:net'
import { SAME_SITE, SECURE, type StickyConfig } from '../../balancing/sticky-options.js'
import { isHostName } from '../../base/values/check-values.js'
import { flag, oneOf, parsed, seconds } from '../../base/values/values.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'

const DAY_S = 86_400
const MIN_SECRET_LENGTH = 16
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i
/** Characters of a cookie's path (RFC 6265 section 4.1.1). */
const PATH = /^\/[\x21-\x3a\x3c-\x7e]*$/

/** Prefixes of names that browsers accept only with certain attributes (RFC 6265bis section 4.1.3), in any case. */
const SECURE_NAME = /^__(?:secure|host|http|host-http)-/i
const HOST_NAME = /^__host-/i
const HTTP_NAME = /^__(?:host-)?http-/i

/** The variables of sticky sessions. */
export const stickyVariables = {
  LB_STICKY_COOKIE: variable(cookieName(), {
    description:
      'Name of the cookie that keeps a client on the backend that answered it first, while that is eligible. Empty to ' +
      'disable sticky sessions.',
    fallback: '',
    flags: '--sticky-cookie <name>'
  }),
  LB_STICKY_SECRET: variable(secret(), {
    description:
      'Secret that signs the cookie, at least 16 characters: the same for all balancers in front of the same backends. ' +
      'Without one, each start generates its own, and sessions may move then.',
    fallback: '',
    isSecret: true
  }),
  LB_STICKY_MAX_AGE: variable(seconds(0, 400 * DAY_S), {
    description: 'Time for which browsers keep the cookie. 0 means until they are closed.',
    fallback: '0',
    unit: 'seconds',
    flags: '--sticky-max-age <seconds>'
  }),
  LB_STICKY_PATH: variable(cookiePath(), {
    description: 'Path below which browsers send the cookie.',
    fallback: '/',
    flags: '--sticky-path <path>'
  }),
  LB_STICKY_DOMAIN: variable(cookieDomain(), {
    description: 'Domain to whose hosts browsers send the cookie. Empty for only the host that set it.',
    fallback: '',
    flags: '--sticky-domain <domain>'
  }),
  LB_STICKY_SAME_SITE: variable(sameSite(), {
    description:
      'Whether browsers send the cookie with requests from pages of other sites: `Lax`, only if a link is followed; ' +
      '`Strict`, never; `None`, always, which needs `Secure`.',
    fallback: 'Lax',
    flags: '--sticky-same-site <word>'
  }),
  LB_STICKY_SECURE: variable(oneOf(SECURE), {
    description:
      'Whether browsers send the cookie only over TLS: `auto`, if it was set over TLS, to the balancer or to a proxy of ' +
      '`LB_TRUSTED_PROXIES` that says so; `always`; or `never`.',
    fallback: 'auto',
    flags: '--sticky-secure <word>'
  }),
  LB_STICKY_HTTP_ONLY: variable(flag(), {
    description: 'Hides the cookie from scripts (`HttpOnly`).',
    fallback: 'true',
    flags: '--sticky-http-only <flag>'
  }),
  LB_STICKY_PARTITIONED: variable(flag(), {
    description:
      'Has browsers keep a separate cookie for each site in which a page is embedded (`Partitioned`); needs `Secure`.',
    fallback: 'false',
    flags: '--sticky-partitioned'
  })
}

type Values = ValuesOf<typeof stickyVariables>

/**
 * Undefined without sticky sessions.
 * @param pool name of the pool; empty for the one that the variables make
 */
export function stickyOf(values: Values, pool: string): StickyConfig | undefined {
  const cookie = values.LB_STICKY_COOKIE
  if (cookie === '') return undefined
  return {
    cookie,
    pool,
    secret: values.LB_STICKY_SECRET,
    maxAgeMs: values.LB_STICKY_MAX_AGE,
    path: values.LB_STICKY_PATH,
    domain: values.LB_STICKY_DOMAIN,
    sameSite: values.LB_STICKY_SAME_SITE,
    secure: values.LB_STICKY_SECURE,
    isHttpOnly: values.LB_STICKY_HTTP_ONLY,
    isPartitioned: values.LB_STICKY_PARTITIONED
  }
}

/** Settings without a cookie that they apply to, and cookies that browsers would reject. */
export function stickyConflicts(
  values: Values & { LB_TLS_CERT: readonly string[]; LB_TRUSTED_PROXIES: BlockList },
  needs: Needs,
  isIdleWithout: Needs
): void {
  const { LB_STICKY_COOKIE: cookie, LB_STICKY_SAME_SITE: site, LB_STICKY_SECURE: secure } = values
  const { LB_STICKY_PATH: path, LB_STICKY_DOMAIN: domain, LB_STICKY_HTTP_ONLY: isHttpOnly } = values
  const isPartitioned = values.LB_STICKY_PARTITIONED
  const used: Partial<Record<keyof Values, boolean>> = {
    LB_STICKY_SECRET: values.LB_STICKY_SECRET !== '',
    LB_STICKY_MAX_AGE: values.LB_STICKY_MAX_AGE !== 0,
    LB_STICKY_PATH: path !== '/',
    LB_STICKY_DOMAIN: domain !== '',
    LB_STICKY_SAME_SITE: site !== 'Lax',
    LB_STICKY_SECURE: secure !== 'auto',
    LB_STICKY_HTTP_ONLY: !isHttpOnly,
    LB_STICKY_PARTITIONED: isPartitioned
  }
  for (const [name, isUsed] of Object.entries(used))
    isIdleWithout(name, isUsed, 'LB_STICKY_COOKIE', cookie !== '')

  const hasTls = values.LB_TLS_CERT.length > 0 || values.LB_TRUSTED_PROXIES.rules.length > 0
  const canBeSecure = secure === 'always' || (secure === 'auto' && hasTls)
  const way =
    secure === 'never'
      ? 'another LB_STICKY_SECURE than never'
      : 'TLS (LB_TLS_CERT, or a proxy of LB_TRUSTED_PROXIES that speaks it) or LB_STICKY_SECURE=always'
  const needsSecure = (what: string, isUsed: boolean) =>
    needs(what, isUsed && cookie !== '', `${way}: browsers take no such cookie without Secure`, canBeSecure)
  needsSecure('LB_STICKY_SAME_SITE=None', site === 'None')
  needsSecure('LB_STICKY_PARTITIONED', isPartitioned)
  const named = `LB_STICKY_COOKIE=${cookie}`
  needsSecure(named, SECURE_NAME.test(cookie))
  const isOfHost = HOST_NAME.test(cookie)
  needs(named, isOfHost, 'LB_STICKY_DOMAIN to be empty: browsers take no such name with one', domain === '')
  needs(named, isOfHost, 'LB_STICKY_PATH to be /: browsers take no such name with another', path === '/')
  const isOfHttp = HTTP_NAME.test(cookie)
  needs(named, isOfHttp, 'LB_STICKY_HTTP_ONLY: browsers take no such name without HttpOnly', isHttpOnly)
}

function cookieName() {
  return parsed<string>((text, fault) => {
    if (text === '' || TOKEN.test(text)) return text
    fault(`must be the name of a cookie, such as lb, but is "${text}"`)
    return undefined
  })
}

function cookiePath() {
  return parsed<string>((text, fault) => {
    if (PATH.test(text)) return text
    fault(`must be a path that starts with "/" and has no ";", such as /app, but is "${text}"`)
    return undefined
  })
}

/** A leading dot means nothing (RFC 6265 section 5.2.3). */
function cookieDomain() {
  return parsed<string>((text, fault) => {
    const domain = text.replace(/^\./, '')
    if (text === '' || (isHostName(domain) && !domain.endsWith('.'))) return domain
    fault(`must be a domain such as app.example, without a port, but is "${text}"`)
    return undefined
  })
}

/** Case-insensitive, as the attribute is. */
function sameSite() {
  return parsed<(typeof SAME_SITE)[number]>((text, fault) => {
    const word = SAME_SITE.find((known) => known.toLowerCase() === text.toLowerCase())
    if (word === undefined) fault(`must be one of ${SAME_SITE.join(', ')}, but is "${text}"`)
    return word
  })
}

/** Error messages do not contain it. */
function secret() {
  return parsed<string>((text, fault) => {
    if (text === '' || text.length >= MIN_SECRET_LENGTH) return text
    fault(`must have at least ${MIN_SECRET_LENGTH} characters, but has ${text.length}`)
    return undefined
  })
}
