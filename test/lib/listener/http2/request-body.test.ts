import t from 'tap'
import { RequestBody } from '../../../../lib/listener/http2/stream/request-body.js'

/** A body of a stream, and what its reader and its stream are told. */
function bodyOf(isEnded: boolean) {
  const told: string[] = []
  const body = new RequestBody(
    {
      onBodyEnded: () => told.push('ended'),
      onBodyError: () => told.push('error'),
      onConsumed: () => {},
      onHeld: () => {}
    },
    65_535,
    isEnded,
    -1
  )
  const reader = {
    onBody: (part: Buffer) => told.push(`part ${part}`) > 0,
    onBodyEnd: () => told.push('read'),
    onAborted: () => told.push('aborted'),
    onPause: () => {}
  }
  return { body, told, reader }
}

t.test('a reader that comes late hears of all that came before', async (t) => {
  const { body, told, reader } = bodyOf(false)
  body.onData(Buffer.from('a'))
  body.onEnd([])
  body.reader = reader
  t.same(told, ['ended', 'part a', 'read'])
})

t.test('and of an end that nothing came before', async (t) => {
  const { body, told, reader } = bodyOf(false)
  body.onEnd([])
  body.reader = reader
  t.same(told, ['ended', 'read'])
  const whole = bodyOf(true)
  whole.body.reader = whole.reader
  t.same(whole.told, ['read'])
})

t.test('what a reader does not want comes in one piece when it does', async (t) => {
  const { body, told, reader } = bodyOf(false)
  let wants = false
  body.reader = { ...reader, onBody: (part) => reader.onBody(part) && wants }
  for (const part of 'abc') body.onData(Buffer.from(part))
  body.onEnd([])
  t.same(told, ['part a', 'ended'])
  wants = true
  body.resume()
  t.same(told, ['part a', 'ended', 'part bc', 'read'])
  body.stop()
  t.equal(told.length, 4)
})

t.test('and not at all once its stream is closed, though its client has ended it', async (t) => {
  const { body, told, reader } = bodyOf(false)
  body.reader = { ...reader, onBody: (part) => reader.onBody(part) && false }
  for (const part of 'ab') body.onData(Buffer.from(part))
  body.onEnd([])
  body.stop()
  body.resume()
  t.same(told, ['part a', 'ended', 'aborted'])
})
