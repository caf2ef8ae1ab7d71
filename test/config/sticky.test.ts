import t from 'tap'
import { ConfigError, loadConfig } from '../../lib/config/load.js'

const STICKY = { LB_STICKY_COOKIE: 'lb' }

/** What loading says is wrong. */
function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

const stickyOf = (env: Record<string, string>) => loadConfig({ ...STICKY, ...env }).balancing.sticky

t.test('attributes of the cookie, by default and as configured', async (t) => {
  t.same(stickyOf({}), {
    cookie: 'lb',
    secret: '',
    maxAgeMs: 0,
    path: '/',
    domain: '',
    sameSite: 'Lax',
    secure: 'auto',
    isHttpOnly: true,
    isPartitioned: false
  })
  const set = stickyOf({
    LB_STICKY_PATH: '/app',
    LB_STICKY_DOMAIN: '.App.example',
    LB_STICKY_SAME_SITE: 'none',
    LB_STICKY_SECURE: 'always',
    LB_STICKY_HTTP_ONLY: 'off',
    LB_STICKY_PARTITIONED: 'yes'
  })
  const attributes = { path: '/app', domain: 'App.example', sameSite: 'None', secure: 'always' }
  t.match(set, { ...attributes, isHttpOnly: false, isPartitioned: true })
  for (const word of ['Strict', 'strict', 'STRICT'])
    t.equal(stickyOf({ LB_STICKY_SAME_SITE: word })!.sameSite, 'Strict')
})

t.test('values that are invalid in a cookie', async (t) => {
  for (const [name, values] of Object.entries({
    LB_STICKY_PATH: ['', 'app', '/a;b', '/a b', '/\u00e9', '/\r\nX: y', '*'],
    LB_STICKY_DOMAIN: [
      'a.test:80',
      '127.0.0.1',
      '[::1]',
      '::1',
      'a.test.',
      'a..test',
      'a.test; Secure',
      '*.a.test',
      '.'
    ],
    LB_STICKY_SAME_SITE: ['', 'off', 'true', 'Lax; Secure'],
    LB_STICKY_SECURE: ['', 'true', 'Always'],
    LB_STICKY_HTTP_ONLY: ['', 'maybe'],
    LB_STICKY_PARTITIONED: ['', '2']
  }))
    for (const value of values) {
      const faults = faultsOf({ ...STICKY, LB_STICKY_SECURE: 'always', [name]: value })
      t.equal(faults.length, 1, `${name}=${value}`)
      t.match(faults[0], `${name} must `)
    }
})

t.test('an attribute without a cookie', async (t) => {
  for (const [name, value] of Object.entries({
    LB_STICKY_PATH: '/app',
    LB_STICKY_DOMAIN: 'a.test',
    LB_STICKY_SAME_SITE: 'Strict',
    LB_STICKY_SECURE: 'always',
    LB_STICKY_HTTP_ONLY: 'false'
  }))
    t.same(faultsOf({ [name]: value }), [`${name} needs LB_STICKY_COOKIE`])
})

const TLS =
  'TLS (LB_TLS_CERT, or a proxy of LB_TRUSTED_PROXIES that speaks it) or LB_STICKY_SECURE=always: ' +
  'browsers take no such cookie without Secure'

t.test('a cookie that browsers accept only over TLS, without TLS', async (t) => {
  for (const [name, value, said] of [
    ['LB_STICKY_SAME_SITE', 'none', 'LB_STICKY_SAME_SITE=None'],
    ['LB_STICKY_PARTITIONED', 'true', 'LB_STICKY_PARTITIONED'],
    ...['__Secure-lb', '__Host-lb', '__hOST-lb', '__Http-lb', '__Host-Http-lb'].map(
      (cookie) => ['LB_STICKY_COOKIE', cookie, `LB_STICKY_COOKIE=${cookie}`] as const
    )
  ] as const) {
    const env = { ...STICKY, [name]: value }
    t.same(faultsOf(env), [`${said} needs ${TLS}`])
    t.same(faultsOf({ ...env, LB_STICKY_SECURE: 'always' }), [])
    t.same(faultsOf({ ...env, LB_TRUSTED_PROXIES: '10.0.0.0/8' }), [], 'which may speak TLS')
    const never = faultsOf({ ...env, LB_STICKY_SECURE: 'never', LB_TRUSTED_PROXIES: '10.0.0.0/8' })
    t.match(never, [`${said} needs another LB_STICKY_SECURE than never: browsers take no such cookie`])
  }
  t.same(faultsOf({ LB_STICKY_COOKIE: '__Security' }), [])
})

t.test('names that browsers accept only with certain attributes', async (t) => {
  for (const [cookie, env, said] of [
    [
      '__Host-lb',
      { LB_STICKY_DOMAIN: 'a.test' },
      'LB_STICKY_DOMAIN to be empty: browsers take no such name with one'
    ],
    [
      '__HOST-lb',
      { LB_STICKY_PATH: '/app' },
      'LB_STICKY_PATH to be /: browsers take no such name with another'
    ],
    [
      '__Host-Http-lb',
      { LB_STICKY_PATH: '/app' },
      'LB_STICKY_PATH to be /: browsers take no such name with another'
    ],
    [
      '__Http-lb',
      { LB_STICKY_HTTP_ONLY: 'false' },
      'LB_STICKY_HTTP_ONLY: browsers take no such name without HttpOnly'
    ],
    [
      '__Host-Http-lb',
      { LB_STICKY_HTTP_ONLY: '0' },
      'LB_STICKY_HTTP_ONLY: browsers take no such name without HttpOnly'
    ],
    ['__Secure-lb', { LB_STICKY_PATH: '/app', LB_STICKY_DOMAIN: 'a.test', LB_STICKY_HTTP_ONLY: 'false' }, '']
  ] as const)
    t.same(
      faultsOf({ LB_STICKY_COOKIE: cookie, LB_STICKY_SECURE: 'always', ...env }),
      said === '' ? [] : [`LB_STICKY_COOKIE=${cookie} needs ${said}`]
    )
})
