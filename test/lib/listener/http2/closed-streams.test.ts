import t from 'tap'
import { ClosedStreams } from '../../../../lib/listener/http2/connection/closed-streams.js'

t.test('it is known what became of a stream', async (t) => {
  const streams = new ClosedStreams()
  for (const id of [1, 3, 9, 11]) streams.onOpened(id)
  streams.onReset(3, true)
  streams.onReset(9, false)
  t.equal(streams.lastId, 11)
  t.same(
    [1, 3, 5, 7, 9, 11].map((id) => streams.stateOf(id)),
    ['ended', 'reset by us', 'skipped', 'skipped', 'reset by the client', 'ended']
  )
})

t.test('a first stream that is not the first leaves a gap', async (t) => {
  const streams = new ClosedStreams()
  streams.onOpened(7)
  t.same(
    [1, 5, 7].map((id) => streams.stateOf(id)),
    ['skipped', 'skipped', 'ended']
  )
})

t.test('what is kept is bounded', async (t) => {
  const streams = new ClosedStreams()
  for (let id = 1; id <= 20_001; id += 4) {
    streams.onOpened(id)
    streams.onReset(id, true)
  }
  t.equal(streams.stateOf(20_001), 'reset by us')
  t.equal(streams.stateOf(1), 'ended', 'the oldest are forgotten')
  t.equal(streams.stateOf(19_999), 'ended', 'so are gaps of who leaves many')
})
