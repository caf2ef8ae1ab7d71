import { isEveryPath } from './conditions.js'
import type { RouteSettings, Rule } from './rule.js'

export type RedirectStatus = 301 | 302 | 303 | 307 | 308
type Redirect = NonNullable<RouteSettings['redirect']>

/** Where a client is sent to, and what is different from what was meant. */
export interface RedirectTarget {
  readonly redirect: Redirect
  /** The request's path is put behind a text, so that the route has to match by the prefix `/`. */
  readonly isBehindText: boolean
  /** Whether the query of a request is kept although it was dropped. */
  readonly keepsQuery: boolean
}

const TEMPLATE = /^(?:(https?|\{scheme\}):\/\/(\{host\}|[\w.-]+|\[[\da-fA-F:]+\])(?::(\d+))?)?(.*)$/s
const PATH = /^\/[^{}?#]*$/

/**
 * Reads a template of a URL, in which `{scheme}`, `{host}`, `{uri}` (path and query) and `{?query}` stand for the
 * request's own; undefined if a redirect cannot say it.
 */
export function redirectTo(template: string, status: RedirectStatus): RedirectTarget | undefined {
  const [, scheme, host, port, rest = ''] = TEMPLATE.exec(template)!
  const redirect: Redirect = {
    ...(scheme && scheme !== '{scheme}' && { scheme: scheme as 'http' | 'https' }),
    ...(host && host !== '{host}' && { host }),
    ...(port && { port: Number(port) })
  }
  const [, literal = '', tail] = /^([^{]*)(\{uri\}|\{\?query\})?$/s.exec(rest) ?? []
  if (literal === '' && tail === undefined && rest !== '') return undefined
  if (literal === '' && tail === '{uri}') {
    if (Object.keys(redirect).length === 0) return undefined
    return { redirect: { ...redirect, status }, isBehindText: false, keepsQuery: false }
  }
  const path = literal || (host ? '/' : '')
  if (!PATH.test(path)) return undefined
  if (tail === '{uri}')
    return {
      redirect: { ...redirect, 'path-prefix': path.replace(/\/$/, '') || '/', status },
      isBehindText: true,
      keepsQuery: false
    }
  return { redirect: { ...redirect, path, status }, isBehindText: false, keepsQuery: tail === undefined }
}

export const KEEPS_QUERY = 'the query of the request is kept'

/** Whether a status is one of a redirect. */
export function isRedirectStatus(status: number): status is RedirectStatus {
  return [301, 302, 303, 307, 308].includes(status)
}

/** A rule that sends elsewhere; undefined where a path would be put behind a text, but only some paths match. */
export function redirectRule(at: Rule['at'], when: Rule['when'], target: RedirectTarget): Rule | undefined {
  const isAll = when.paths.length === 0 || when.paths.some(isEveryPath)
  if (!target.isBehindText) return { at, when, does: { redirect: target.redirect } }
  return isAll
    ? { at, when: { ...when, paths: [{ kind: 'below', path: '/' }] }, does: { redirect: target.redirect } }
    : undefined
}
