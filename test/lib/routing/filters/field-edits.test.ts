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

t.test('text and list are changed as a plain reading of the rules has it', async (t) => {
  const names = ['A', 'a', 'X-A', 'x_a', 'X-AB', 'Content-Length', 'B']
  const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)]!
  const some = <T>(make: () => T): T[] => Array.from({ length: Math.floor(Math.random() * 5) }, make)
  const line = (): readonly [string, string] => [pick(names), pick(['', '1', 'a: b', 'X-A: 2'])]
  const editable = (): readonly [string, string] => [pick(['A', 'X-A', 'c']), pick(['', '8', '9'])]
  const faults: string[] = []
  for (let i = 0; i < 2000; i++) {
    const sent = some(line)
    const change = changes({
      remove: some(() => pick(['a', 'x-A', 'B'])),
      set: some(editable),
      add: some(editable)
    })
    const gone = [...change.remove, ...change.set.map(([name]) => name)].map((name) => name.toLowerCase())
    const kept = sent.filter(([name]) => !gone.includes(name.toLowerCase()))
    const expected = [...kept, ...change.set, ...change.add]
    const edits = responses(change)
    const textOf = (lines: readonly (readonly [string, string])[]) =>
      lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const context = JSON.stringify({ sent, change })
    if (edits.applyTo(textOf(sent)) !== textOf(expected)) faults.push(context)
    if (edits.applyToList(sent.flat()).join('\n') !== expected.flat().join('\n')) faults.push(context)
  }
  t.same(faults, [])
})
