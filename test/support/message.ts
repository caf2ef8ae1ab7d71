import { once } from 'node:events'
import http, { IncomingMessage } from 'node:http'
import net from 'node:net'
import type { Test } from 'tap'
import { listen } from './listen.js'

/** A request as Node's server sees it when a client sends these lines of a head, the request line first. */
export async function received(t: Test, ...head: string[]): Promise<IncomingMessage> {
  const server = http.createServer((_, res) => void res.end())
  server.on('checkExpectation', (req, res) => server.emit('request', req, res))
  const [host, port] = (await listen(t, server)).split(':')
  const client = net.connect(Number(port), host)
  t.teardown(() => client.destroy())
  client.end(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'))
  const [req] = await once(server, 'request')
  return req
}

/** A request of these lines as Node's parser makes one, also where it would refuse them. */
export function madeUp(...[requestLine = '', ...lines]: string[]): IncomingMessage {
  const [method, , version] = requestLine.split(' ')
  const raw = lines.flatMap((line) => line.split(/: ?(.*)/s, 2))
  const req = new IncomingMessage(new net.Socket()) as IncomingMessage & {
    _addHeaderLines(raw: readonly string[], length: number): void
  }
  ;[req.httpVersionMajor, req.httpVersionMinor] = version!.slice(5).split('.').map(Number) as [number, number]
  req.method = method!
  req._addHeaderLines(raw, raw.length)
  return req
}

/** Names and values in turn as pairs. */
export function pairs(list: readonly string[]): [name: string, value: string][] {
  const result: [string, string][] = []
  for (let i = 0; i < list.length; i += 2) result.push([list[i]!, list[i + 1]!])
  return result
}
