import path from 'node:path'
import type { Test } from 'tap'
import { atEnd, eventually, sleep, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { Child } from '../support/child.js'
import { FrameClient } from '../support/frame-client.js'
import { data, get, goaway, headers, request } from '../support/http2-frames.js'
import { ROOT } from '../support/processes.js'
import { OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { shown } from '../support/secure-balancer.js'
import { securePorts } from '../support/secure-ports.js'

const EMBEDDING = path.join(ROOT, 'dist/test/support/embedding.js')
const LARGE = 'x'.repeat(300_000)

/** Ways in which a session is cut, by its client or for what its client does. */
const CUTS: Record<string, (client: FrameClient) => unknown> = {
  'a reset': (client) => client.leave(),
  'a reset amid an answer': async (client) => {
    client.send(headers(1, get('/large')))
    await client.over(1, 50).catch(() => {})
    client.leave()
  },
  'a reset amid a body': (client) => {
    client.send(headers(1, request('POST', '/', ['content-length', '10']), { open: true }), data(1, 'half'))
    client.leave()
  },
  'an end without a word': (client) => client.socket.destroy(),
  'an end amid an answer': (client) => {
    client.send(headers(1, get('/held')))
    client.socket.end()
  },
  'a broken body': async (client) => {
    client.send(
      headers(1, request('POST', '/', ['content-length', '1']), { open: true }),
      data(1, 'two', true)
    )
    await client.over(1)
  },
  'what is no frame': async (client) => {
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(9))
    await eventually(() => client.isOver)
    client.leave()
  },
  'a word of leaving': (client) => client.send(headers(1, get('/held')), goaway(0)),
  'nothing: it stays': (client) => client.send(headers(1, get('/')))
}

async function ends(
  t: Test,
  env: Readonly<Record<string, string>>,
  clientsOf: (port: number) => Promise<unknown>
) {
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/large'))
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`)
    else if (!startLine.includes('/held')) socket.write(OK)
  })
  const settings = {
    PORT: '0',
    LB_BACKENDS: backend.address,
    LB_DRAIN_TIMEOUT: '2',
    LB_HEALTH_CHECK_PERIOD: '1'
  }
  const child = new Child(t, [EMBEDDING], { ...settings, LB_ADMIN_PORT: '0', ...env })
  const port = await child.listening()
  atEnd(t, () => securePorts.delete(port))
  await clientsOf(port)
  await sleep(100)
  child.kill('SIGTERM')
  await child.untilPrinted('Drained')
  // Node looks after what is left when a process ends by itself, and would do so for ever.
  await t.resolves(child.untilEnded(), 'it ends')
  t.ok(child.ended === 0 || child.output.includes('Drain timeout'), `${child.ended}`)
}

test('an application with a balancer in it ends by itself when sessions of HTTP/2 were cut, with TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  await ends(t, shown(by.issue('localhost')), async (port) => {
    securePorts.set(port, { ca: by.pem, servername: 'localhost' })
    await cutSessions(t, port)
  })
})

test('and without', async (t) => {
  await ends(t, { LB_H2C: 'true' }, (port) => cutSessions(t, port))
})

test('and when clients of HTTP/1.1 stayed, or left amid something', async (t) => {
  await ends(t, {}, async (port) => {
    for (const sent of [
      '',
      'GET / HT',
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /held HTTP/1.1\r\nHost: x\r\n\r\n'
    ]) {
      for (const leave of ['stay', 'abort', 'end'] as const) {
        const client = await RawClient.open(t, port)
        client.send(sent)
        await sleep(20)
        if (leave === 'abort') client.abort()
        else if (leave === 'end') client.socket.end()
      }
    }
  })
})

async function cutSessions(t: Test, port: number): Promise<void> {
  for (const [cut, act] of Object.entries(CUTS)) {
    for (let i = 0; i < 3; i++) {
      const client = await FrameClient.open(t, port)
      await t.resolves(Promise.resolve(act(client)), cut)
    }
  }
}
