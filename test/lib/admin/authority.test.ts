import t from 'tap'
import { Authority, isForeign, isWanted } from '../../../lib/admin/authority.js'

const TOKEN = 'a-token-of-24-characters'

t.test('only the whole token, as a bearer', async (t) => {
  const authority = new Authority(TOKEN)
  t.ok(authority.isIn(['A', '1', 'Authorization', `Bearer ${TOKEN}`]))
  t.ok(authority.isIn(['AUTHORIZATION', `bearer  ${TOKEN}`]))
  t.notOk(authority.isIn([]))
  t.notOk(authority.isIn(['Authorization', `Bearer ${TOKEN}`, 'authorization', `Bearer ${TOKEN}`]), 'twice')
  t.notOk(authority.isIn(['Proxy-Authorization', `Bearer ${TOKEN}`]))
  for (const field of [
    '',
    TOKEN,
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN}, Bearer x`,
    `Basic ${TOKEN}`,
    `Bearer "${TOKEN}"`
  ])
    t.notOk(authority.isIn(['Authorization', field]), field)
})

t.test('nobody knows an empty token', async (t) => {
  t.notOk(new Authority('').isIn(['Authorization', 'Bearer ']))
  t.notOk(new Authority('').isIn([]))
})

t.test('foreign is what a page of another site sends', async (t) => {
  const host = 'lb.example:8000'
  t.notOk(isForeign({ host }, 'http'))
  t.notOk(isForeign({ host, origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isForeign({ host: 'LB.example:8000', origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isForeign({ host, 'sec-fetch-site': 'same-origin' }, 'http'))
  t.notOk(isForeign({ host, 'sec-fetch-site': 'none' }, 'http'))
  t.ok(isForeign({ host, origin: 'https://lb.example:8000' }, 'http'))
  t.ok(isForeign({ host, origin: 'http://lb.example' }, 'http'))
  t.ok(isForeign({ host, origin: 'null' }, 'http'))
  t.ok(isForeign({ host, origin: '' }, 'http'))
  t.ok(isForeign({ origin: 'http://lb.example' }, 'http'))
  for (const site of ['cross-site', 'same-site', 'same-origin, same-origin', ''])
    t.ok(isForeign({ host, 'sec-fetch-site': site }, 'http'), site)
})

t.test('If-Match', async (t) => {
  for (const field of [undefined, '*', '"a-1"', '"x", "a-1"', ' "a-1" '])
    t.ok(isWanted('a-1', field), `${field}`)
  for (const field of ['', 'a-1', '"a-2"', 'W/"a-1"', '"A-1"', '"a-1']) t.notOk(isWanted('a-1', field), field)
})
