import { BlockList } from 'node:net'
import t from 'tap'
import { keyReader } from '../../../lib/balancing/hash-key.js'
import { madeUp } from '../../support/message.js'
import { NOBODY, requestWith } from '../../support/selection.js'

t.test('address: of the client, past trusted proxies', async (t) => {
  const trusted = new BlockList()
  trusted.addAddress('192.0.2.1')
  const headers = { 'x-forwarded-for': '198.51.100.7' }
  t.equal(keyReader({ from: 'address', name: '' }, NOBODY)(requestWith(headers)), '192.0.2.1')
  t.equal(keyReader({ from: 'address', name: '' }, trusted)(requestWith(headers)), '198.51.100.7')
})

t.test('target: as the client sent it', async (t) => {
  const read = keyReader({ from: 'target', name: '' }, NOBODY)
  t.equal(read(requestWith({}, { url: '/a?b=c' })), '/a?b=c')
  t.equal(read(requestWith({}, { url: '/', originalUrl: '/a?b=c' })), '/a?b=c', 'not the path of the route')
})

t.test('header: one of that name', async (t) => {
  const read = keyReader({ from: 'header', name: 'x-user' }, NOBODY)
  t.equal(read(requestWith({ 'x-user': '7' })), '7')
  t.equal(read(requestWith({ 'x-user': '' })), '')
  t.equal(read(requestWith({ 'x-users': '7' })), undefined)
  t.equal(
    keyReader({ from: 'header', name: 'set-cookie' }, NOBODY)(requestWith({ 'set-cookie': ['a', 'b'] })),
    'a,b'
  )
})

t.test('header: of several of that name each counts, as Node joins them', async (t) => {
  const read = keyReader({ from: 'header', name: 'x-user' }, NOBODY)
  t.equal(read(madeUp('GET / HTTP/1.1', 'X-User: 7', 'A: b', 'x-user: 8')), '7, 8')
})

t.test('cookie: one of that name', async (t) => {
  const read = keyReader({ from: 'cookie', name: 'sid' }, NOBODY)
  t.equal(read(requestWith({ cookie: 'a=b; sid=7' })), '7')
  t.equal(read(requestWith({ cookie: 'sid=; sid=7; sid=8' })), '7', 'the first that says something')
  t.equal(read(requestWith({ cookie: 'sid=; sid=' })), undefined)
  t.equal(read(requestWith({ cookie: 'SID=7' })), undefined)
  t.equal(read(requestWith()), undefined)
})
