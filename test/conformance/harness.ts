import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { eventually, type LogRecord, SETTINGS, sleep, startBalancer, test } from '../helper.js'
import { threadedBalancer } from '../support/in-threads.js'
import { OK, type RawBackend, type Script, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { ReceivedBytes } from '../support/received-bytes.js'
import { everywhere } from '../support/secure-ports.js'
import { type Field, type Message, readMessage } from '../support/wire.js'
import type { Case, Wanted } from './cases/case.js'
import { answeredFields, ownFields } from './own-fields.js'
import { faultsOf } from './strictness.js'

/** What a backend does: sends these bytes, or as a script says. */
export type Act = string | Script

/** What tests see of a balancer that they know by its port: it may be another process. */
export interface StageBalancer {
  readonly port: number
  readonly log: readonly LogRecord[]
  /** What it has counted since the test began. */
  stats(): Promise<Statistics>
}

/** A balancer before one backend that shows all that it gets, and does what the test at hand wants. */
export class Stage {
  readonly requests: Message[] = []
  /** What came that no strict reader takes for a request. */
  readonly faults: string[] = []
  /** Bytes that the backend got. */
  bytes = 0
  act: Act = OK
  /** Takes the place of reading requests: gets all the bytes of a connection each time that there are more. */
  raw: ((bytes: Buffer, socket: Socket) => void) | undefined
  readonly t: Test
  backend!: RawBackend
  balancer!: StageBalancer

  constructor(t: Test) {
    this.t = t
  }

  async failed(): Promise<number> {
    return (await this.balancer.stats()).backends[0]!.failed
  }

  /** How many bytes have come over each open connection of the backend. */
  received(): ReadonlyMap<Socket, number> {
    return new Map([...this.backend.sockets].map((socket) => [socket, socket.bytesRead]))
  }

  /** Open connections of the backend over which anything came, or anything more than before: each thread has its own idle ones. */
  usedConnections(before: ReadonlyMap<Socket, number> = new Map()): number {
    return [...this.received()].filter(([socket, bytes]) => bytes > (before.get(socket) ?? 0)).length
  }

  serve(socket: Socket): void {
    const received = new ReceivedBytes()
    socket.on('data', (more) => {
      this.bytes += more.length
      received.add(more)
      if (this.raw) {
        this.raw(received.all, socket)
        return
      }
      try {
        for (;;) {
          const request = readMessage(received.all, { kind: 'request' })
          if (!request) return
          received.take(request.size)
          this.requests.push(request)
          this.faults.push(...faultsOf(request, 'request'))
          if (typeof this.act === 'string') socket.write(Buffer.from(this.act, 'latin1'))
          else this.act(request, socket)
        }
      } catch (error) {
        this.faults.push(`${error}: ${JSON.stringify(received.all.toString('latin1'))}`)
        socket.destroy()
      }
    })
  }

  client(): Promise<RawClient> {
    return RawClient.open(this.t, this.balancer.port)
  }

  /** Sends `bytes` over a connection of their own: what arrived at the backend, and what came back. */
  async ask(bytes: string | Buffer, act: Act = OK, { head = false } = {}) {
    this.act = act
    const before = this.requests.length
    const client = await this.client()
    client.send(bytes)
    const response = await client.response({ head }).finally(() => client.socket.destroy())
    return { response, request: this.requests[before] }
  }

  /** The backend's connections break, and it reads requests again. */
  async reset(): Promise<void> {
    this.raw = undefined
    for (const socket of this.backend.sockets) socket.destroy()
    await eventually(() => this.backend.sockets.size === 0).catch(() => {})
  }

  /** Waits until nothing is under way, and nothing more comes of clients that have left already. */
  async settle(): Promise<void> {
    let before = -1
    await eventually(async () => {
      before = this.bytes
      await sleep(100)
      const { connections, requests } = await this.balancer.stats()
      return this.bytes === before && connections.open === 0 && requests.inFlight === 0
    }, 30_000)
  }

  /** A plain request still comes through, alone. */
  async isWell(): Promise<boolean> {
    const before = this.requests.length
    const { response } = await this.ask('GET /well HTTP/1.1\r\nHost: x\r\n\r\n')
    const arrived = this.requests.slice(before).map(({ startLine }) => startLine)
    return `${response.body}` === 'ok' && arrived.join() === 'GET /well HTTP/1.1' && this.faults.length === 0
  }
}

export async function openStage(t: Test, env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const stage = new Stage(t)
  const serve = (socket: Socket) => stage.serve(socket)
  const settings = { LB_RESPONSE_TIMEOUT: '20', ...env }
  if (everywhere.threads) {
    const balancer = await threadedBalancer(t, serve, { ...SETTINGS, ...settings })
    return Object.assign(stage, { backend: balancer.backend, balancer })
  }
  const backend = await serving(t, serve)
  const { port, log, stats } = await startBalancer(t, [backend], settings)
  return Object.assign(stage, { backend, balancer: { port, log, stats: async () => stats() } })
}

function seen(wanted: Wanted | undefined, message: Message | undefined, fields: readonly Field[]) {
  if (!wanted || !message) return undefined
  const { startLine, framing, body, trailers } = message
  const all: Wanted = { line: startLine, fields, framing, body: body.toString('latin1'), trailers }
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, all[key as keyof Wanted]]))
}

/** Runs the cases through one balancer, each over a connection of its own. */
export function testCases(name: string, cases: readonly Case[]): void {
  test(name, async (t) => {
    const stage = await openStage(t)
    for (const { name, section, sent, arrives, answer, gets = { line: 'HTTP/1.1 200 OK' } } of cases) {
      const label = `${name} (${section})`
      try {
        const { request, response } = await stage.ask(sent, answer, { head: sent.startsWith('HEAD ') })
        const got = [
          seen(arrives, request, request ? ownFields(request) : []),
          seen(gets, response, answeredFields(response))
        ]
        t.same(got, [arrives, gets], label)
      } catch (error) {
        t.fail(`${label}: ${error}`)
        await stage.reset()
      }
    }
    t.ok(await stage.isWell(), 'all is well')
    t.same(stage.faults, [])
  })
}
