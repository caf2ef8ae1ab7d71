import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Child } from './children'
import { answerOverHttp2 } from './client/http2-answer'

/** How a server is spoken to. */
interface Protocol {
  tls: boolean
  http2: boolean
}

const readyWithinMilliseconds = 30_000
const retryMilliseconds = 50

/** As many different free loopback ports as asked for. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Waits until a server answers with 200 and a body of the size asked for; throws with its output if it does not. */
export async function untilAnswering(
  child: Child,
  port: number,
  bodyBytes: number,
  protocol: Protocol = { tls: false, http2: false }
): Promise<void> {
  const deadline = Date.now() + readyWithinMilliseconds
  let last = ''
  while (Date.now() < deadline && !child.hasExited()) {
    last = await answer(port, bodyBytes, protocol)
    if (last === `200 with ${bodyBytes} bytes`) return
    await sleep(retryMilliseconds)
  }
  const fate = child.hasExited() ? 'exited' : `did not answer as expected (last: ${last})`
  throw new Error(`${child.name} ${fate}. It printed:\n${child.output().slice(-2000).trim() || '(nothing)'}`)
}

/** What a server answers a GET with. */
export async function readBody(port: number, path: string): Promise<string> {
  const request = http.get({ host: '127.0.0.1', port, path, agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return text(response)
}

async function answer(port: number, bodyBytes: number, { tls, http2 }: Protocol): Promise<string> {
  if (http2) return answerOverHttp2({ port, tls, path: `/${bodyBytes}` })
  try {
    const options = { host: '127.0.0.1', port, path: `/${bodyBytes}`, agent: false, timeout: 5000 } as const
    const request = tls ? https.get({ ...options, rejectUnauthorized: false }) : http.get(options)
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    let received = 0
    for await (const chunk of response) received += (chunk as Buffer).length
    return `${response.statusCode} with ${received} bytes`
  } catch (error) {
    return (error as Error).message
  }
}
