import t from 'tap'
import { fixedAnswer } from '../../../../lib/routing/filters/fixed-response.js'

t.test('a body has its length in bytes, and is plain text unless the route says otherwise', async (t) => {
  t.same(fixedAnswer({ statusCode: 200, headers: [['X', 'é']], body: 'dé' }), {
    statusCode: 200,
    fields: ['X', '\xc3\xa9', 'Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '3'],
    body: 'd\xc3\xa9'
  })
  t.same(fixedAnswer({ statusCode: 404, headers: [['content-TYPE', 'text/html']], body: '<p>' }).fields, [
    'content-TYPE',
    'text/html',
    'Content-Length',
    '3'
  ])
})

t.test('without a body there is no type, and a length only where there may be one', async (t) => {
  const answer = (statusCode: number) => fixedAnswer({ statusCode, headers: [], body: '' })
  t.same(answer(200), { statusCode: 200, fields: ['Content-Length', '0'], body: '' })
  t.same(answer(205), { statusCode: 205, fields: ['Content-Length', '0'], body: undefined })
  for (const statusCode of [204, 304]) t.same(answer(statusCode), { statusCode, fields: [], body: undefined })
})

t.test('what cannot be sent is refused', async (t) => {
  for (const statusCode of [204, 205, 304])
    t.throws(() => fixedAnswer({ statusCode, headers: [], body: 'x' }), /has no body/)
  t.throws(
    () => fixedAnswer({ statusCode: 200, headers: [['Content-Length', '9']], body: '' }),
    /cannot change/
  )
  t.throws(() => fixedAnswer({ statusCode: 200, headers: [['X', 'a\nb']], body: '' }), /cannot be the value/)
})
