import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'
import type { Statistics } from '../../lib/observe/statistics.js'
import { atEnd, eventually, test } from '../helper.js'
import { lb } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { ASSETS, FETCHED, HOLDING_PAGE, PAGE, PER_KIND, sum } from '../support/page.js'

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-dev-shm-usage', '--disable-breakpad', '--no-proxy-server', '--dump-dom'],
  // The pages that it draws its address bar with.
  '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup'
]
/** A browser takes seconds to start where others want the processor too. */
const PATIENCE_MS = 40_000

/** The backend of the page, and what it noticed. */
class Site {
  requests = 0
  notModified = 0
  /** Responses that have begun, and do not end. */
  readonly endless = new Set<ServerResponse>()
  readonly sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true })
  readonly connections = new Set<Socket>()
  readonly #waiting: ServerResponse[] = []

  async start(t: Test): Promise<string> {
    const server = createServer((req, res) => void this.#serve(req, res))
    server.on('connection', (socket) => {
      this.connections.add(socket)
      socket.once('close', () => this.connections.delete(socket))
    })
    server.on('upgrade', (req, socket, early) => {
      this.requests++
      this.sockets.handleUpgrade(req, socket, early, (client) => {
        client.on('message', (data, isBinary) => {
          client.send(data, { binary: isBinary })
          if (`${data}` === 'bye') client.close(4321, 'good bye')
        })
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => {
      for (const socket of this.connections) socket.destroy()
      server.close()
    })
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.requests++
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part)
    const [, kind = '', ...rest] = req.url!.split('/')
    const name = rest.join('/')
    const asset = ASSETS[kind]
    if (kind === '') res.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE)
    else if (kind === 'holding') res.setHeader('Content-Type', 'text/html').end(HOLDING_PAGE)
    else if (asset) res.setHeader('Content-Type', asset[0]).end(asset[1](Number(name)))
    else if (kind === 'fetch') {
      FETCHED[name]!.answer(req, Buffer.concat(parts), res)
      if (res.statusCode === 304) this.notModified++
    } else if (kind === 'events') this.#sendEvents(res, req.headers['last-event-id'])
    else if (kind === 'endless') {
      this.endless.add(res)
      res.once('close', () => this.endless.delete(res)).write('begun')
    } else if (kind === 'last') this.#waiting.push(res)
    else if (kind === 'seen') for (const each of [res, ...this.#waiting]) each.end()
    else res.writeHead(404).end()
  }

  /** The browser comes again for those that are missing. */
  #sendEvents(res: ServerResponse, last: unknown): void {
    res.setHeader('Content-Type', 'text/event-stream').write('retry: 10\n\n')
    if (last === 'two') res.write('id: three\ndata: last\n\n')
    else res.end('id: one\ndata: 1\n\nid: two\ndata: 2\ndata: 2\n\n')
  }
}

/** A site behind a balancer, and how a browser loads a page of it. */
async function open(t: Test) {
  const site = new Site()
  const child = lb(t, ['-p', '0', '-b', await site.start(t), '--no-health-check', '--stats-interval', '0'])
  const origin = `http://127.0.0.1:${await child.listening()}`
  const stats = async () => (await (await fetch(`${origin}/__lb/stats`)).json()) as Statistics
  const isIdle = async () => {
    const { requests, backends } = await stats()
    return requests.inFlight === 0 && backends[0]!.active === 0
  }
  const browse = (target: string, signal?: AbortSignal) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-browser-'))
    atEnd(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const args = [...FLAGS, `--user-data-dir=${folder}`, `${origin}${target}`]
    return command(t, 'chromium', args, { timeoutMs: PATIENCE_MS, ...(signal ? { signal } : {}) })
  }
  return { site, child, stats, isIdle, browse }
}

const indices = (from = 0) => Array.from({ length: PER_KIND }, (_, i) => i + from)
const bytes = Buffer.from(Uint8Array.from({ length: 400_000 }, (_, i) => i * 7))

test('a browser sees a whole page through the balancer', async (t) => {
  if (!needs(t, 'chromium')) return
  const { site, child, stats, isIdle, browse } = await open(t)
  const { code, stdout, stderr } = await browse('/')
  t.equal(code, 0, stderr.split('\n').at(-2) ?? '')
  const [, seen = '{}'] = /<pre id="seen">(.*?)<\/pre>/s.exec(`${stdout}`) ?? []
  const { fetched, ...others } = JSON.parse(seen)
  t.same(others, {
    ran: indices(),
    styles: indices().map(String),
    widths: indices(1),
    events: ['one1', 'two2\n2', 'threelast'],
    socket: [
      ...['first', 'permessage-deflate', 'h\u00e9llo', sum(bytes), sum(bytes.subarray(0, 200)), '', 'bye'],
      ...[4321, 'good bye', true]
    ],
    left: 'begun'.length,
    again: [200, false, sum(FETCHED.tagged!.body)]
  })
  for (const [i, [name, { status = 200, redirected = false, body }]] of Object.entries(FETCHED).entries())
    t.same(fetched?.[i], [status, redirected, sum(body)], name)
  t.equal(site.notModified, 1)
  await eventually(isIdle)
  t.equal(site.endless.size, 0, 'what the page has left is left at the backend')
  t.match(await stats(), {
    requests: { total: site.requests, failed: 0, rejected: { overload: 0, noBackend: 0 } },
    backends: [{ total: site.requests, failed: 0, retries: 0 }]
  })
  t.notOk(
    child.log.some(({ level }) => level >= 40),
    'nothing to warn of'
  )
})

test('a browser that is killed amid it all leaves nothing behind', async (t) => {
  if (!needs(t, 'chromium')) return
  const { site, stats, isIdle, browse } = await open(t)
  const killer = new AbortController()
  const browsing = browse('/holding', killer.signal)
  await eventually(() => site.endless.size === 4 && site.sockets.clients.size === 2, PATIENCE_MS)
  t.match(await stats(), { requests: { inFlight: 6 }, backends: [{ active: 6 }] })
  killer.abort()
  await eventually(isIdle)
  await eventually(() => site.endless.size === 0 && site.sockets.clients.size === 0)
  t.equal((await browsing).code, null)
  t.match(await stats(), { requests: { failed: 0 }, backends: [{ failed: 0 }] })
})
