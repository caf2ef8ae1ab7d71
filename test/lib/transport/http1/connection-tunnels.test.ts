import type { TunnelHandler } from '../../../../lib/transport/backend-stream.js'
import { eventually, test } from '../../../helper.js'
import { scripted } from '../../../support/raw-backend.js'
import { EAGER, Ending, stackFor } from '../../../support/stack.js'

const SWITCHING = 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const UPGRADE = {
  method: 'GET',
  head: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  body: undefined,
  replayable: true,
  upgrade: 'x'
}
const GET = { ...UPGRADE, head: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', upgrade: undefined }

/** Who uses a tunnel, and counts how it ends. */
class User implements TunnelHandler {
  ends = 0
  onData(): void {}
  onReadEnd(): void {}
  onDrain(): void {}
  onEnd(): void {
    this.ends++
  }
  onError(): void {
    this.ends++
  }
}

/** Changes the protocol when the backend does. */
class Switching extends Ending {
  readonly user = new User()
  override onHead(...head: Parameters<Ending['onHead']>): void {
    super.onHead(...head)
    this.connection!.tunnel!.attach(this.user)
  }
}

test('tunnels are no requests whose connections come free: nobody waits for them', async (t) => {
  const backend = await scripted(t, ({ fields }, socket) => {
    if (fields.some(([name]) => name === 'Upgrade')) socket.write(SWITCHING)
  })
  const stack = stackFor(t, backend)
  const tunnels = Array.from({ length: EAGER }, () => new Switching())
  for (const tunnel of tunnels) stack.dispatch(UPGRADE, tunnel)
  await eventually(() => tunnels.every(({ told }) => told.length > 0))
  const next = new Ending()
  stack.dispatch(GET, next)
  t.equal(stack.opened, EAGER + 1, 'it is sent at once')
  await stack.destroy()
  t.same(
    tunnels.map(({ user }) => user.ends),
    tunnels.map(() => 1),
    'and they end with all others'
  )
  t.equal(next.count, 1)
})
