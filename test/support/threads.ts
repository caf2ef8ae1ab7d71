import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { lb } from './child.js'
import type { Env } from './processes.js'
import { atEnd } from './test.js'

export const TOKEN = 'sixteen-letters-1'
const FAULTS = path.join(__dirname, '../../soak/thread-deaths/fault.js')

export interface Served {
  readonly address: string
  /** Requests under way, and the most that there have been. */
  readonly now: { active: number; most: number; total: number }
}

/** A backend that takes as long as the path of a request says, in milliseconds. */
export async function backend(t: Test, name = 'ok'): Promise<Served> {
  const now = { active: 0, most: 0, total: 0 }
  const server = createServer((req, res) => {
    if (req.url === '/') {
      res.end('checked')
      return
    }
    now.total++
    now.most = Math.max(now.most, ++now.active)
    res.once('close', () => now.active--)
    setTimeout(() => res.end(name), Number(/\d+$/.exec(req.url!)) || 0).unref()
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, now }
}

/** What has threads commit the faults that a file names; `fault` names one. */
export function faults(t: Test) {
  const folder = mkdtempSync(path.join(tmpdir(), 'threads-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'fault')
  const env = { NODE_OPTIONS: `--require ${FAULTS}`, THREAD_FAULT_FILE: file }
  return { env, fault: (text: string) => writeFileSync(file, text), hasBegun: () => !existsSync(file) }
}

/** A balancer with several threads, all of which serve. */
export async function started(t: Test, backends: readonly Served[], env: Env = {}, threads = 2) {
  const { env: faultEnv, fault } = faults(t)
  const list = backends.map(({ address }) => address).join(' ')
  const child = lb(t, [], {
    PORT: '0',
    LB_ADMIN_PORT: '0',
    ...(backends.length > 0 ? { LB_BACKENDS: list } : {}),
    LB_THREADS: `${threads}`,
    LB_ADMIN_TOKEN: TOKEN,
    ...faultEnv,
    ...env
  })
  const port = await child.listening()
  const admin = /Administration at https?:\/\/[^"]*:(\d+)"/
  await child.untilPrinted(admin)
  const adminPort = Number(admin.exec(child.output)![1])
  const stats = async () =>
    (await (await fetch(`http://127.0.0.1:${adminPort}/__lb/stats`)).json()) as Statistics
  return { child, port, adminPort, stats, fault }
}

/** A client with one connection. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #port: number

  constructor(t: Test, port: number) {
    this.#port = port
    atEnd(t, () => this.#agent.destroy())
  }

  /** The cookies of the latest answer. */
  cookies: readonly string[] = []
  body = ''

  /** Returns the status of the answer, or the code of an error. */
  get(target: string, headers: Record<string, string> = {}): Promise<number | string> {
    return new Promise((resolve) => {
      const req = request(
        { host: '127.0.0.1', port: this.#port, agent: this.#agent, path: target, headers },
        (res) => {
          this.cookies = res.headers['set-cookie'] ?? []
          this.body = ''
          res.setEncoding('latin1').on('data', (part) => {
            this.body += part
          })
          res.once('end', () => resolve(res.statusCode!))
          res.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
        }
      )
      req.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
      req.end()
    })
  }
}

/** Clients of all threads, as many as it takes until each thread has some. */
export async function clientsOfAll(t: Test, port: number, stats: () => Promise<Statistics>, atLeast = 4) {
  const clients: Client[] = []
  for (;;) {
    const client = new Client(t, port)
    await client.get('/0')
    clients.push(client)
    const { threads } = await stats()
    if (clients.length >= atLeast && threads.every(({ openConnections }) => openConnections >= 2))
      return clients
    if (clients.length > 500) throw new Error(`one thread gets no connections: ${JSON.stringify(threads)}`)
  }
}
