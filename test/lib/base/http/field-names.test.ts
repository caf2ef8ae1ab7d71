import t from 'tap'
import { connectionOptions, FieldNames } from '../../../../lib/base/http/field-names.js'

t.test('a name is known in whatever case it is written', async (t) => {
  const names = new FieldNames(['connection', 'te', 'x-real-ip', 'http2-settings'])
  for (const name of [
    'connection',
    'Connection',
    'CONNECTION',
    'cOnNeCtIoN',
    'te',
    'TE',
    'X-Real-IP',
    'HTTP2-Settings'
  ])
    t.ok(names.has(name), name)
})

t.test('names that look alike are told apart', async (t) => {
  const names = new FieldNames(['connection', 'te'])
  const others = [
    'connectioN-',
    'connectiom',
    'condection',
    'et',
    'tE2',
    't',
    '',
    'c',
    '#onnection',
    '\x03onnection',
    'x'.repeat(64),
    'c'.repeat(500)
  ]
  for (const name of others) t.notOk(names.has(name), JSON.stringify(name))
})

t.test('names that become the same variable are alike', async (t) => {
  const names = new FieldNames(['x-forwarded-for', 'te', 'content-length'])
  for (const name of [
    'X-Forwarded-For',
    'x_forwarded_for',
    'X_FORWARDED-For',
    'X.Forwarded.For',
    "x'forwarded`for",
    'x+forwarded!for',
    'TE',
    'Content_Length'
  ])
    t.ok(names.hasCgiEquivalent(name), name)
  for (const name of [
    'XForwardedFor',
    'X__Forwarded_For',
    '_X_Forwarded_For',
    'X_Forwarded_For_',
    'X_Forwarded_Far',
    'Y_Forwarded_For',
    'T_',
    '_E',
    'Content_Lengths',
    'Forwarded_For',
    ''
  ])
    t.notOk(names.hasCgiEquivalent(name), name)
  t.notOk(names.has('x_forwarded_for'))
})

t.test('an empty set has no name', async (t) => {
  const none = new FieldNames([])
  for (const name of ['', 'a', 'connection']) t.notOk(none.has(name))
})

t.test('no name of any length gets through', async (t) => {
  const listed = Array.from({ length: 63 }, (_, i) => 'q'.repeat(i + 1))
  const names = new FieldNames(listed)
  for (const name of listed) t.ok(names.has(name.toUpperCase()))
  t.notOk(names.has('q'.repeat(64)))
})

t.test('options of Connection', async (t) => {
  t.same(connectionOptions('Keep-Alive'), ['keep-alive'])
  t.same(connectionOptions(''), [])
  t.same(connectionOptions('X-Hop'), ['x-hop'])
  t.same(connectionOptions(' X-A ,close,\tx-b,, Keep-Alive ,X-A'), [
    'x-a',
    'close',
    'x-b',
    'keep-alive',
    'x-a'
  ])
})
