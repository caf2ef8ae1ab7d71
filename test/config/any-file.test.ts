import fc from 'fast-check'
import t from 'tap'
import { ConfigError } from '../../lib/config/load.js'
import { SettingsFile } from '../support/config-file.js'
import { complaints } from '../support/config-schema.js'
import { WRONG_FILES, WRONG_ROUTES } from './wrong-routes.js'

const RUNS = 150

const file = new SettingsFile(t)

/** Whether a file is accepted; anything but a list of faults fails the test. */
function isAccepted(text: string): boolean {
  try {
    file.load(text)
    return true
  } catch (error) {
    if (error instanceof ConfigError) return false
    throw error
  }
}

const odd = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('', 'x', '/a', 'a:80', '*', 0, -1, 0.5, true, false, null),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('path', 'pool', 'status', 'x-a'), tie('value'), { maxKeys: 2 })
  )
})).value

/** One of some values, now and then a list of them, and seldom something else. */
function mostly(...values: readonly unknown[]): fc.Arbitrary<unknown> {
  const one = fc.constantFrom(...values)
  const many = fc.array(one, { minLength: 1, maxLength: 2 })
  return fc.oneof(
    { weight: 80, arbitrary: one },
    { weight: 3, arbitrary: many },
    { weight: 1, arbitrary: odd }
  )
}

const some = (keys: Record<string, fc.Arbitrary<unknown>>) => fc.record(keys, { requiredKeys: [] })
const map = (...values: readonly unknown[]) =>
  fc.dictionary(fc.constantFrom('X-A', 'b'), mostly(...values), { minKeys: 1, maxKeys: 2 })

const named = map('x', 5, true, { regexp: '^a' })
const fields = map('x', 5, '')
const match = some({
  host: mostly('a.test', '*.a.test', 'A.test', 5),
  path: mostly('/a', '/%41', '/café'),
  'path-regexp': mostly('^/a', 'b'),
  method: mostly('GET', 'BAN'),
  headers: named,
  query: named,
  client: mostly('10.0.0.0/8', '::1'),
  port: mostly(80, 443),
  'tls-name': mostly('a.test')
})
const action = fc.oneof(
  fc.record({ pool: mostly('web', 'next') }),
  fc.record({
    split: fc.constant([{ pool: 'web', weight: 0 }, { pool: 'next' }]),
    'split-by': mostly('client')
  }),
  fc.record({ redirect: fc.record({ host: mostly('b.test'), status: mostly(301), path: mostly('/b') }) }),
  fc.record({ respond: some({ status: mostly(200, 503), headers: fields, body: mostly('x', 5) }) })
)
const filters = some({
  name: mostly('r', 5),
  match,
  'response-headers': fc.record({ set: fields, remove: mostly('C') }),
  'max-body-size': mostly(5, '6'),
  paths: mostly('raw', 'lenient'),
  'rate-limit': mostly('100/s', '5/m;burst=2'),
  allow: mostly('10.0.0.0/8'),
  errors: fc.constant([{ status: '500-599', html: 'x' }])
})
const route = fc.tuple(action, filters).map(([one, more]) => ({ ...more, ...one }))
const pool = fc.record(
  {
    backends: mostly('a:80', { address: 'b:80', weight: 2, backup: true }),
    retries: mostly(0, '1'),
    hedge: mostly(true, 'yes', 'off', 0),
    sticky: mostly(true, false, { 'max-age': 5, 'http-only': 'no' }),
    'health-check': mostly(true, { url: '/a', status: [200, '300-399'] }, false),
    algorithm: mostly('p2c', 'random'),
    'slow-start': mostly(0.5, '5')
  },
  { requiredKeys: ['backends'] }
)
const content = fc.record({
  pools: fc.record({ web: pool, next: pool }),
  routes: fc.array(route, { minLength: 1, maxLength: 2 })
})

t.test(
  'no file does more than be accepted or refused, and what is accepted has no complaints of editors',
  async (t) => {
    let accepted = 0
    fc.assert(
      fc.property(content, (made) => {
        const text = JSON.stringify(made)
        if (!isAccepted(text)) return
        accepted++
        const said = complaints(text)
        if (said.length > 0) throw new Error(`${text}: ${said.join('; ')}`)
      }),
      { numRuns: RUNS }
    )
    t.ok(accepted > RUNS / 10, `${accepted} are accepted`)
  }
)

t.test('nor does a text that is cut or changed anywhere', async (t) => {
  const texts = [...WRONG_ROUTES.map(([text]) => `routes:\n- ${text}`), ...WRONG_FILES.map(([text]) => text)]
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.constantFrom('', ':', '{', ']', '- ', '&a ', '*a', '\n', '"', '!!str ', '? ', '|\n', '\t'),
      fc.nat(3),
      (text, place, inserted, removed) => {
        const at = place % (text.length + 1)
        isAccepted(text.slice(0, at) + inserted + text.slice(at + removed))
      }
    ),
    { numRuns: RUNS }
  )
  t.pass('none throws anything else')
})
