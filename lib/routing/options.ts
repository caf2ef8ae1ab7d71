import type { BlockList } from 'node:net'

/** A regular expression whose matching takes time linear in the text. It matches anywhere in a text, unless it is anchored. */
export interface Pattern {
  readonly source: string
  test(text: string): boolean
}

/** What a text may be: equal to this, whatever it is as long as it is there, or matched. */
export type TextMatch = string | true | Pattern

/** A condition on a field or a query parameter: one of these has to fit. */
export interface NamedMatch {
  /** Of a field, in small letters. */
  readonly name: string
  readonly anyOf: readonly TextMatch[]
}

/** A host, in small letters, without port: exact, or `*.suffix`, which stands for one label or more. */
export type HostMatch = string

/** A condition on the path, without query. Exact paths and prefixes are in the form of RFC 3986 section 6.2.2. */
export type PathMatch =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly path: string }
  | { readonly kind: 'regexp'; readonly pattern: Pattern }

/** What a request has to be for a route. Of a list one has to fit, of an empty one nothing is asked; all lists have to fit. */
export interface RouteMatch {
  readonly hosts: readonly HostMatch[]
  readonly paths: readonly PathMatch[]
  readonly methods: readonly string[]
  readonly headers: readonly NamedMatch[]
  readonly query: readonly NamedMatch[]
  /** Addresses of clients; undefined for all. */
  readonly clients: BlockList | undefined
  /** Ports of the balancer that the request came to. */
  readonly ports: readonly number[]
  /** Names that the client asked for in its TLS handshake: exact, or `*.suffix`. */
  readonly tlsNames: readonly HostMatch[]
}

/** A pool, and its share of the requests of a split. */
export interface WeightedPool {
  readonly pool: string
  readonly weight: number
}

/** Field lines, each a name and a value. */
export type FieldLines = readonly (readonly [name: string, value: string])[]

/** What the balancer answers with instead of a backend. */
export interface FixedResponse {
  readonly statusCode: number
  readonly headers: FieldLines
  readonly body: string
}

/** Where a client is sent to: what is undefined stays as it was in the request. */
export interface Redirect {
  /** Undefined for `302`, or, where the method is to stay, `307`. */
  readonly statusCode: 301 | 302 | 303 | 307 | 308 | undefined
  readonly scheme: 'http' | 'https' | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: PathChange | undefined
}

/** A whole path, or what stands in the place of the prefix by which the route matched. The query stays. */
export type PathChange =
  | { readonly kind: 'full'; readonly path: string }
  | { readonly kind: 'prefix'; readonly replacement: string }

/** What becomes of the requests of a route. */
export type RouteAction =
  | { readonly kind: 'pool'; readonly pool: string }
  | {
      readonly kind: 'split'
      readonly pools: readonly WeightedPool[]
      /** Whether a client stays with the pool that it came to first, as long as the weights stay. */
      readonly isSteady: boolean
    }
  | ({ readonly kind: 'redirect' } & Redirect)
  | ({ readonly kind: 'respond' } & FixedResponse)

/** Changes of fields, in this order: remove, set, add. */
export interface FieldChanges {
  readonly remove: readonly string[]
  readonly set: FieldLines
  readonly add: FieldLines
}

/** Share of the requests of a route that a further pool gets as well, whose answers are dropped. */
export interface Mirror {
  readonly pool: string
  readonly percent: number
}

/** Requests of a client to a route. */
export interface RouteRateLimit {
  readonly perSecond: number
  readonly burst: number
}

/** Pages in place of answers with an error status. */
export interface ErrorPage {
  /** Statuses, from and to, both included. */
  readonly from: number
  readonly to: number
  /** For clients that prefer HTML; undefined for none. */
  readonly html: string | undefined
  /** For clients that prefer JSON; undefined for none. */
  readonly json: string | undefined
  /** Whether answers of backends are replaced too, and not only the balancer's own. */
  readonly ofBackends: boolean
}

/**
 * How paths are read that two servers may read differently: `strict` refuses what some reading would take elsewhere,
 * `lenient` takes the form of RFC 3986 section 6.2.2 for the only one, `raw` matches what the client sent as it is.
 */
export type PathReading = 'strict' | 'lenient' | 'raw'

/** What is changed and checked on the way; undefined for what a route says nothing of. */
export interface RouteFilters {
  readonly rewriteHost: string | undefined
  readonly rewritePath: PathChange | undefined
  readonly requestHeaders: FieldChanges | undefined
  readonly responseHeaders: FieldChanges | undefined
  readonly mirror: Mirror | undefined
  /** From the end of the request to the head of the response; 0 for none. */
  readonly timeoutMs: number | undefined
  /** Attempts after the first. */
  readonly retries: number | undefined
  readonly maxBodyBytes: number | undefined
  readonly rateLimit: RouteRateLimit | undefined
  readonly allow: BlockList | undefined
  readonly deny: BlockList | undefined
  readonly errors: readonly ErrorPage[]
}

/** A route of the file, validated. */
export interface RouteOptions {
  /** Unique; where none is given, by its place in the file: `route-1`. */
  readonly name: string
  readonly match: RouteMatch
  readonly paths: PathReading
  readonly action: RouteAction
  readonly filters: RouteFilters
}
