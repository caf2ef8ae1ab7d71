import t from 'tap'
import { responseFields } from '../../../lib/forward/response-fields.js'
import { pairs } from '../../support/message.js'

const fieldsOf = (...fields: [name: string, value: string][]) => {
  const { list, contentLength } = responseFields(fields.flat().map((text) => Buffer.from(text, 'latin1')))
  return { fields: pairs(list), contentLength }
}

t.test('order, case and repetition are kept, byte for byte', async (t) => {
  const fields: [string, string][] = [
    ['Set-Cookie', 'a=1'],
    ['x-B', ''],
    ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ['set-cookie', 'b=2'],
    ['X-b', 'caf\xe9 \x80\xff'],
    ['Server', 'test'],
    ['Trailer', 'X-Sum'],
    ['Via', '1.1 other']
  ]
  t.same(fieldsOf(...fields), { fields, contentLength: -1 })
  t.same(fieldsOf(), { fields: [], contentLength: -1 })
})

t.test('fields of the connection stay behind', async (t) => {
  const names = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Transfer-Encoding', 'Upgrade']
  for (const name of names) {
    for (const written of [name, name.toLowerCase(), name.toUpperCase()])
      t.same(
        fieldsOf(['X-A', '1'], [written, name === 'Transfer-Encoding' ? 'chunked' : 'close'], ['X-B', '2'])
          .fields,
        [
          ['X-A', '1'],
          ['X-B', '2']
        ]
      )
  }
})

t.test('a transfer coding other than chunks would be lost', async (t) => {
  t.throws(() => fieldsOf(['Transfer-Encoding', 'gzip, chunked']), { code: 'LB_TRANSFER_CODING' })
})

t.test('and so do those that Connection names, in one field or several, before or after', async (t) => {
  const { fields } = fieldsOf(
    ['X-Hop', '1'],
    ['Connection', 'keep-alive, x-hop'],
    ['X-Other', '2'],
    ['x-HOP', '3'],
    ['connection', 'X-Late'],
    ['X-Late', '4'],
    ['X-Later', '5']
  )
  t.same(fields, [
    ['X-Other', '2'],
    ['X-Later', '5']
  ])
})

t.test('the declared length is told, and kept whatever Connection names', async (t) => {
  const length: [string, string] = ['content-LENGTH', '42']
  t.same(fieldsOf(length), { fields: [length], contentLength: 42 })
  t.same(fieldsOf(['Connection', 'content-length, x-a'], length, ['X-A', '1']), {
    fields: [length],
    contentLength: 42
  })
  t.equal(fieldsOf(['Content-Length', '0']).contentLength, 0)
  t.equal(fieldsOf(['Content-Lengths', '7'], ['X-Content-Length', '7']).contentLength, -1)
})
