import t from 'tap'
import { type DataSource, SendOrder } from '../../../../lib/base/http2/send-order.js'

/** A source with so many frames to send, each of which is noted. */
class Source implements DataSource {
  constructor(
    readonly sent: number[],
    readonly id: number,
    readonly urgency: number,
    readonly isIncremental: boolean,
    private frames: number
  ) {}

  sendFrame(): boolean {
    this.sent.push(this.id)
    return --this.frames > 0
  }
}

function orderOf(
  sources: readonly (readonly [id: number, urgency: number, shares: boolean, frames: number])[]
) {
  const order = new SendOrder()
  const sent: number[] = []
  for (const source of sources) order.add(new Source(sent, ...source))
  while (order.serveNext());
  return sent
}

t.test('the most urgent is sent first', async (t) => {
  const sent = orderOf([
    [1, 7, true, 2],
    [3, 0, true, 2],
    [5, 3, false, 1]
  ])
  t.same(sent, [3, 3, 5, 1, 1])
})

t.test('those that are incremental have a frame each in turn', async (t) => {
  const sent = orderOf([
    [1, 3, true, 3],
    [3, 3, true, 1],
    [5, 3, true, 2]
  ])
  t.same(sent, [1, 3, 5, 1, 5, 1])
})

t.test('those that are not are sent whole, the oldest stream first', async (t) => {
  const sent = orderOf([
    [5, 3, false, 2],
    [1, 3, false, 3],
    [3, 3, false, 1]
  ])
  t.same(sent, [1, 1, 1, 3, 5, 5])
})

t.test('beside each other, both kinds have their turns', async (t) => {
  const sent = orderOf([
    [1, 3, false, 3],
    [3, 3, true, 2],
    [5, 3, true, 1],
    [7, 3, false, 1]
  ])
  t.same(sent, [1, 3, 1, 5, 1, 3, 7])
})

t.test('one waits once, however often it is added, and no more once it is removed', async (t) => {
  const order = new SendOrder()
  const sent: number[] = []
  for (const isIncremental of [true, false]) {
    const source = new Source(sent, 1, 3, isIncremental, 5)
    order.add(source)
    order.add(source)
    t.equal(order.size, 1)
    order.remove(source)
    order.remove(source)
    t.equal(order.size, 0)
    t.notOk(order.serveNext())
  }
  t.same(sent, [])
})

t.test('one that adds itself while it sends, as it waits again, is there once', async (t) => {
  for (const isIncremental of [true, false]) {
    const order = new SendOrder()
    let count = 0
    const source: DataSource = {
      id: 1,
      urgency: 3,
      isIncremental,
      sendFrame: () => {
        order.add(source)
        return ++count < 3
      }
    }
    order.add(source)
    for (let i = 0; i < 2; i++) {
      order.serveNext()
      t.equal(order.size, 1)
    }
  }
})
