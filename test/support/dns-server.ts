import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Answer, decode, encode, type Packet } from 'dns-packet'
import type { Test } from 'tap'
import { atEnd } from './test.js'

/** What a server replies to a question: records, a code, bytes, or nothing. */
export type Replied = readonly Answer[] | string | Buffer | undefined

/** A DNS server of a test: what it replies may change. */
export interface DnsServer {
  readonly address: string
  /** Questions so far, as `A app.test`. */
  readonly questions: string[]
  /** @param isTcp whether it was asked over a connection */
  reply: (type: string, name: string, isTcp: boolean) => Replied
}

const CODES: Readonly<Record<string, number>> = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }
const RESPONSE = 0x8180
const TRUNCATED = 0x0200

/** Starts one, for UDP and TCP on one port. Over UDP what is longer than 1,232 bytes is truncated. */
export async function dnsServer(t: Test, reply: DnsServer['reply']): Promise<DnsServer> {
  const udp = createSocket('udp4')
  const tcp = createServer()
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as { port: number }
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  const server: DnsServer = { address: `127.0.0.1:${port}`, questions: [], reply }
  const answer = (query: Buffer, isTcp: boolean): Buffer | undefined => {
    const { id = 0, questions = [] } = decode(query)
    const { type, name } = questions[0]!
    server.questions.push(`${type} ${name}`)
    const replied = server.reply(type, name, isTcp)
    if (replied === undefined || Buffer.isBuffer(replied)) return replied
    const code = typeof replied === 'string' ? CODES[replied]! : 0
    const answers = typeof replied === 'string' ? [] : [...replied]
    const whole = encode({ type: 'response', id, flags: RESPONSE | code, questions, answers } as Packet)
    if (isTcp || whole.length <= 1232) return whole
    return encode({ type: 'response', id, flags: RESPONSE | TRUNCATED, questions } as Packet)
  }
  udp.on('message', (query: Buffer, { port: from, address }: RemoteInfo) => {
    const bytes = answer(query, false)
    if (bytes) udp.send(bytes, from, address)
  })
  tcp.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const bytes = answer(data.subarray(2), true)
      if (!bytes) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      socket.write(Buffer.concat([length, bytes]))
    })
  })
  atEnd(t, () => {
    udp.close()
    tcp.close()
  })
  return server
}

/** Records, for short. */
export const a = (name: string, data: string, ttl = 60) => ({ type: 'A', name, data, ttl }) as Answer
export const aaaa = (name: string, data: string, ttl = 60) => ({ type: 'AAAA', name, data, ttl }) as Answer
export const cname = (name: string, data: string, ttl = 60) => ({ type: 'CNAME', name, data, ttl }) as Answer
export const srv = (name: string, priority: number, weight: number, port: number, target: string, ttl = 60) =>
  ({ type: 'SRV', name, ttl, data: { priority, weight, port, target } }) as Answer
