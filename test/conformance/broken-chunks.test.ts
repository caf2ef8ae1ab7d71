import { eventually, test } from '../helper.js'
import { openStage } from './harness.js'
import { testRefusals } from './refusals.js'
import { chunks } from './refused/index.js'

testRefusals('a body that breaks is broken off at the backend as well', chunks, true)

test('a body that breaks when a part of it has arrived is never ended', async (t) => {
  const stage = await openStage(t)
  for (const broken of [
    'zz\r\n',
    '-1\r\n',
    '5\r\nhelloX',
    '0x5\r\nhello\r\n',
    '0\r\nno trailer\r\n\r\n',
    '\n',
    '0\n\n'
  ]) {
    let arrived = ''
    stage.raw = (bytes) => {
      arrived = bytes.toString('latin1')
    }
    const client = await stage.client()
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    await eventually(() => arrived.includes('hello'))
    client.send(broken)
    await client.untilClosed()
    await eventually(() => stage.usedConnections() === 0).catch(() => {})
    const label = `${JSON.stringify(broken)} (RFC 9112, 8)`
    t.equal(stage.usedConnections(), 0, label)
    t.notOk(arrived.endsWith('0\r\n\r\n'), label)
    t.match(client.received.toString('latin1'), /^(HTTP\/1\.1 400 |$)/, label)
    await stage.reset()
  }
  t.equal(stage.failed, 0, 'the backend is not to blame')
  t.ok(await stage.isWell())
})
