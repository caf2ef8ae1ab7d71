import t from 'tap'
import { FloodGuard } from '../../../../lib/listener/http2/connection/flood-guard.js'
import { ReceiveWindow, WINDOW_BYTES } from '../../../../lib/listener/http2/connection/receive-window.js'

class Updates {
  readonly sent: number[] = []
  writeNumber(type: number, streamId: number, bytes: number): void {
    this.sent.push(type, streamId, bytes)
  }
}

t.test('the window of a connection is given back by halves', async (t) => {
  const updates = new Updates()
  const window = new ReceiveWindow(updates)
  window.onFrame(WINDOW_BYTES / 2 - 1)
  t.same(updates.sent, [])
  window.onFrame(1)
  t.same(updates.sent, [8, 0, WINDOW_BYTES / 2])
  t.throws(() => window.onFrame(WINDOW_BYTES + 1), { code: 'LB_HTTP2_ERROR', errorCode: 3 })
})

t.test('it is not given back while streams hold much, and then at once', async (t) => {
  const updates = new Updates()
  const window = new ReceiveWindow(updates)
  window.hold(4 * WINDOW_BYTES)
  window.onFrame(WINDOW_BYTES)
  t.same(updates.sent, [])
  window.hold(-4 * WINDOW_BYTES)
  t.same(updates.sent, [8, 0, WINDOW_BYTES])
})

t.test('a flood is bounded, and requests and data earn more', async (t) => {
  const flood = (each: (guard: FloodGuard) => void) => {
    const guard = new FloodGuard(performance.now())
    let count = 0
    try {
      for (; count < 100_000; count++) each(guard)
    } catch (error) {
      t.match(error, { code: 'LB_HTTP2_ERROR', errorCode: 11 })
    }
    return count
  }
  t.ok(flood((guard) => guard.onReset()) < 1100)
  t.ok(flood((guard) => guard.onControlFrame()) < 5000)
  const withData = (guard: FloodGuard) => {
    guard.onControlFrame()
    guard.onDataSent()
  }
  t.equal(flood(withData), 100_000)
})
