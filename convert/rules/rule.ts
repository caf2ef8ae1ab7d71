import type { Place } from '../findings.js'
import type { Conditions } from './conditions.js'

/** Field lines to set and add, and names to remove. */
export interface FieldChanges {
  readonly set?: Readonly<Record<string, string>>
  readonly add?: Readonly<Record<string, string | string[]>>
  readonly remove?: readonly string[]
}

/** What a route does beside its match, with the keys of the file. */
export interface RouteSettings {
  readonly pool?: string
  readonly split?: readonly { readonly pool: string; readonly weight: number }[]
  readonly 'split-by'?: 'request' | 'client'
  readonly redirect?: {
    readonly scheme?: 'http' | 'https'
    readonly host?: string
    readonly port?: number
    readonly path?: string
    readonly 'path-prefix'?: string
    readonly status?: number
  }
  readonly respond?: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly rewrite?: {
    readonly host?: string
    readonly path?: string
    readonly 'path-prefix'?: string
  }
  readonly 'request-headers'?: FieldChanges
  readonly 'response-headers'?: FieldChanges
  readonly mirror?: { readonly pool: string; readonly percent?: number }
  readonly timeout?: number
  readonly retries?: number
  readonly 'max-body-size'?: number
  readonly 'rate-limit'?: string
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly errors?: readonly unknown[]
  readonly paths?: 'lenient'
}

/** One of a list of rules, of which the first that fits a request applies. */
export interface Rule {
  readonly at: Place
  readonly when: Conditions
  readonly does: RouteSettings
  /** Which site it is of, where requests go to the site with the most specific host, as they do with routes. */
  readonly site?: number
}

/** Whether the hosts of two rules decide between them, and not their order. */
export const isOfOtherSite = (a: Rule, b: Rule) => a.site !== b.site

/** Whether what stands in the place of a prefix is said, so that the route has to match by one. */
export function replacesPrefix({ rewrite, redirect }: RouteSettings): boolean {
  return rewrite?.['path-prefix'] !== undefined || redirect?.['path-prefix'] !== undefined
}
