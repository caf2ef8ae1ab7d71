import t from 'tap'
import { BearerToken, isCrossSite, isVersionMatch } from '../../../lib/admin/bearer-token.js'

const TOKEN = 'a-token-of-24-characters'

t.test('only the whole token, as a bearer', async (t) => {
  const bearer = new BearerToken(TOKEN)
  t.ok(bearer.isSentIn(['A', '1', 'Authorization', `Bearer ${TOKEN}`]))
  t.ok(bearer.isSentIn(['AUTHORIZATION', `bearer  ${TOKEN}`]))
  t.notOk(bearer.isSentIn([]))
  t.notOk(bearer.isSentIn(['Authorization', `Bearer ${TOKEN}`, 'authorization', `Bearer ${TOKEN}`]), 'twice')
  t.notOk(bearer.isSentIn(['Proxy-Authorization', `Bearer ${TOKEN}`]))
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
    t.notOk(bearer.isSentIn(['Authorization', field]), field)
})

t.test('nobody knows an empty token', async (t) => {
  t.notOk(new BearerToken('').isSentIn(['Authorization', 'Bearer ']))
  t.notOk(new BearerToken('').isSentIn([]))
})

t.test('foreign is what a page of another site sends', async (t) => {
  const host = 'lb.example:8000'
  t.notOk(isCrossSite({ host }, 'http'))
  t.notOk(isCrossSite({ host, origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isCrossSite({ host: 'LB.example:8000', origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isCrossSite({ host, 'sec-fetch-site': 'same-origin' }, 'http'))
  t.notOk(isCrossSite({ host, 'sec-fetch-site': 'none' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'https://lb.example:8000' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'http://lb.example' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'null' }, 'http'))
  t.ok(isCrossSite({ host, origin: '' }, 'http'))
  t.ok(isCrossSite({ origin: 'http://lb.example' }, 'http'))
  for (const site of ['cross-site', 'same-site', 'same-origin, same-origin', ''])
    t.ok(isCrossSite({ host, 'sec-fetch-site': site }, 'http'), site)
})

t.test('If-Match', async (t) => {
  for (const field of [undefined, '*', '"a-1"', '"x", "a-1"', ' "a-1" '])
    t.ok(isVersionMatch('a-1', field), `${field}`)
  for (const field of ['', 'a-1', '"a-2"', 'W/"a-1"', '"A-1"', '"a-1'])
    t.notOk(isVersionMatch('a-1', field), field)
})
