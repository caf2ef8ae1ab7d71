/** Values of the cookie's `SameSite` attribute. */
export const SAME_SITE = ['Lax', 'Strict', 'None'] as const

/** When the cookie has the `Secure` attribute; `auto`: if the client's connection is encrypted. */
export const SECURE = ['auto', 'always', 'never'] as const

/** The cookie of sticky sessions. */
export interface StickyConfig {
  /** Its name. */
  readonly cookie: string
  /** Name of the pool, which is signed too; empty for the one that the variables make. */
  readonly pool: string
  /** Key of the signature; empty for a random one. */
  readonly secret: string
  /** 0 for a session cookie. */
  readonly maxAgeMs: number
  readonly path: string
  /** Empty for none. */
  readonly domain: string
  readonly sameSite: (typeof SAME_SITE)[number]
  readonly secure: (typeof SECURE)[number]
  readonly isHttpOnly: boolean
  readonly isPartitioned: boolean
}
