import type { Socket } from 'node:net'
import { eventually, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { lb } from '../support/child.js'
import { OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { shown } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

test('a drain lets requests end, and closes what is idle or still shakes hands', async (t) => {
  const by = authority(t)
  if (!by) return
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET')) held.push(socket)
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })
  const env = { ...shown(by.issue('localhost')), LB_NO_HEALTH_CHECK: 'true', LB_DRAIN_TIMEOUT: '20' }
  const child = lb(t, ['-p', '0', '-b', backend.address], env)
  const port = await child.listening()
  const known = { ca: by.pem, servername: 'localhost' }
  const [busy, silent, idle] = [
    await RawClient.open(t, port, known),
    await RawClient.open(t, port, known),
    await RawClient.open(t, port, known)
  ]
  const shaking = await RawClient.open(t, port, null)
  shaking.send('\x16\x03\x01\x02\x00\x01\x00')
  idle!.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n')
  await idle!.response({ head: true })
  busy!.send(GET)
  await eventually(() => held.length === 1)
  child.kill('SIGTERM')
  await Promise.all([silent!.untilClosed(), idle!.untilClosed(), shaking.untilClosed(3000)])
  t.notOk(busy!.closed)
  held[0]!.write(OK)
  const response = await busy!.response()
  t.same([statusOf(response), fieldValue(response.fields, 'connection')], [200, 'close'])
  t.equal(await child.untilEnded(3000), 0)
})
