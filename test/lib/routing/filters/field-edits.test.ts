import t from 'tap'
import {
  FieldEdits,
  isEditableInRequest,
  isEditableInResponse
} from '../../../../lib/routing/filters/field-edits.js'
import type { FieldChanges } from '../../../../lib/routing/options.js'

const changes = (more: Partial<FieldChanges>): FieldChanges => ({ remove: [], set: [], add: [], ...more })
const requests = (more: Partial<FieldChanges>, host?: string) => FieldEdits.ofRequests(changes(more), host)!
const responses = (more: Partial<FieldChanges>) => FieldEdits.ofResponses(changes(more))!

const LINES = 'Host: a\r\nX-A: 1\r\nx-a: 2\r\nX-B:\r\nX_A: 3\r\nX-Ab: 4\r\n'

t.test('without changes there is nothing to do', async (t) => {
  t.equal(FieldEdits.ofRequests(undefined, undefined), undefined)
  t.equal(FieldEdits.ofResponses(undefined), undefined)
  t.equal(requests({}).applyTo(LINES), LINES)
})

t.test('lines are dropped in any case, and added behind the others', async (t) => {
  t.equal(responses({ remove: ['X-A'] }).applyTo(LINES), 'Host: a\r\nX-B:\r\nX_A: 3\r\nX-Ab: 4\r\n')
  t.equal(responses({ remove: ['x-ab', 'host'] }).applyTo(LINES), 'X-A: 1\r\nx-a: 2\r\nX-B:\r\nX_A: 3\r\n')
  t.equal(
    responses({ set: [['x-A', '9']], add: [['X-B', '8']] }).applyTo(LINES),
    'Host: a\r\nX-B:\r\nX_A: 3\r\nX-Ab: 4\r\nx-A: 9\r\nX-B: 8\r\n'
  )
  t.equal(responses({ remove: ['a'] }).applyTo(''), '')
})

t.test('what stands before the fields is kept', async (t) => {
  const line = 'HTTP/1.1 200 X-A: 1\r\n'
  t.equal(responses({ remove: ['X-A'] }).applyTo(`${line}X-A: 1\r\nB: 1\r\n`, line.length), `${line}B: 1\r\n`)
})

t.test('a name that CGI takes for the same is dropped from requests as well', async (t) => {
  for (const name of ['X-A', 'x_a', 'X.A'])
    t.equal(requests({ remove: [name] }).applyTo(LINES), 'Host: a\r\nX-B:\r\nX-Ab: 4\r\n', name)
})

t.test('a host comes first, in the place of any other', async (t) => {
  const edits = requests({ remove: ['X-A', 'X-B', 'X-Ab'] }, 'b.test')
  t.ok(edits.setsHost)
  t.equal(edits.applyTo(LINES), 'Host: b.test\r\n')
  t.equal(edits.applyTo('Y: 1\r\n'), 'Host: b.test\r\nY: 1\r\n')
  t.notOk(requests({ remove: ['X-A'] }).setsHost)
})

t.test('a list of names and values is changed alike', async (t) => {
  const edits = responses({ remove: ['a'], set: [['B', '2']], add: [['C', 'é ']] })
  t.same(edits.applyToList(['A', '1', 'b', '1', 'C', '1']), ['C', '1', 'B', '2', 'C', '\xc3\xa9'])
})

t.test('framing, fields of a connection and what cannot be sent are refused', async (t) => {
  const ofBoth = [
    'Connection',
    'content-length',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'Keep-Alive'
  ]
  for (const name of [...ofBoth, 'Host', 'Via', 'Expect', 'Content_Length', 'Transfer.Encoding']) {
    t.notOk(isEditableInRequest(name), name)
    for (const change of [{ remove: [name] }, { set: [[name, 'x']] }, { add: [[name, 'x']] }] as const)
      t.throws(() => requests(change), new RegExp(name))
  }
  for (const name of [...ofBoth, 'Date']) {
    t.notOk(isEditableInResponse(name), name)
    t.throws(() => responses({ remove: [name] }), new RegExp(name))
  }
  for (const name of ['', 'a b', 'a:', 'é', 'a\r\n', 'x'.repeat(64)])
    t.throws(() => responses({ add: [[name, '1']] }), /no name of a field/)
  for (const value of ['a\r\nb', 'a\0', '\n', 'a\x7f'])
    t.throws(
      () => responses({ add: [['A', value]] }),
      /cannot be the value of a field/,
      JSON.stringify(value)
    )
})

t.test('no character of a value becomes a line end on the way', async (t) => {
  t.equal(responses({ add: [['A', '\u010d\u010a']] }).applyTo(''), 'A: \xc4\x8d\xc4\x8a\r\n')
})
