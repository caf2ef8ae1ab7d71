export const SAME_SITE = ['Lax', 'Strict', 'None'] as const

export const SECURE = ['auto', 'always', 'never'] as const

/** Of the cookie that keeps a client on a backend. */
export interface StickyConfig {
  readonly cookie: string
  /** Empty for one that is made up. */
  readonly secret: string
  /** 0 for as long as a browser runs. */
  readonly maxAgeMs: number
  readonly path: string
  /** Empty for none. */
  readonly domain: string
  readonly sameSite: (typeof SAME_SITE)[number]
  readonly secure: (typeof SECURE)[number]
  readonly isHttpOnly: boolean
  readonly isPartitioned: boolean
}
