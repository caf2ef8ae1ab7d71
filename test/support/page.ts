import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { pattern } from './answer.js'

export const PER_KIND = 12

/** What a page fetches, how the backend answers, and what the page has to see. */
export interface Fetched {
  /** What it gives to `fetch` with the path. */
  readonly init?: { method?: string; body?: string; headers?: Record<string, string> }
  answer(req: IncomingMessage, body: Buffer, res: ServerResponse): void
  readonly status?: number
  readonly redirected?: boolean
  readonly body: Buffer
}

const NOTHING = Buffer.alloc(0)
const SOME = pattern('some', 20_000)
const BIG = pattern('big', 5_000_000)
const UPLOAD = pattern('upload', 700_000)

const plain = (body: Buffer, status = 200): Fetched => ({
  answer: (_req, _body, res) => res.writeHead(status, { 'Content-Length': body.length }).end(body),
  status,
  body
})
const echo = (method: string, size: number): Fetched => ({
  init: { method, body: UPLOAD.toString('latin1', 0, size) },
  answer: (_req, body, res) => res.end(body),
  body: UPLOAD.subarray(0, size)
})
const redirect = (status: number, to: string, target: Fetched): Fetched => ({
  ...target,
  answer: (_req, _body, res) => res.writeHead(status, { Location: `/fetch/${to}` }).end(),
  redirected: true
})
const CHUNKED: Fetched = {
  answer: (_req, _body, res) => {
    for (let at = 0; at < BIG.length; at += 77_777) res.write(BIG.subarray(at, at + 77_777))
    res.end()
  },
  body: BIG
}
const POST = echo('POST', UPLOAD.length)
/** One that has not changed since is fetched a second time, from what the browser has kept. */
const TAGGED: Fetched = {
  answer: (req, _body, res) => {
    const isKept = req.headers['if-none-match'] === '"tag"'
    res.writeHead(isKept ? 304 : 200, { ETag: '"tag"', 'Cache-Control': 'no-cache' })
    res.end(isKept ? '' : SOME)
  },
  body: SOME
}

const ODD = 'odd?a=%2F..%2F&b=//%C3%A9;[]|%zz&&'

/** By the name that follows `/fetch/`, in the order in which a page begins them. */
export const FETCHED: Readonly<Record<string, Fetched>> = {
  length: plain(SOME),
  big: plain(BIG),
  empty: plain(NOTHING),
  chunked: CHUNKED,
  gzip: {
    answer: (_req, _body, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(BIG)),
    body: BIG
  },
  closing: {
    answer: (_req, _body, res) => {
      // Without chunks its end is that of the connection.
      res.useChunkedEncodingByDefault = false
      res.writeHead(200, { Connection: 'close' }).end(SOME)
    },
    body: SOME
  },
  range: {
    init: { headers: { Range: 'bytes=100-299' } },
    answer: (_req, _body, res) =>
      res.writeHead(206, { 'Content-Range': 'bytes 100-299/20000' }).end(SOME.subarray(100, 300)),
    status: 206,
    body: SOME.subarray(100, 300)
  },
  'no-content': plain(NOTHING, 204),
  'not-found': plain(SOME, 404),
  'server-error': plain(SOME, 500),
  head: { ...plain(SOME), init: { method: 'HEAD' }, body: NOTHING },
  delete: { ...plain(NOTHING, 204), init: { method: 'DELETE' } },
  post: POST,
  put: echo('PUT', 1),
  patch: echo('PATCH', 16_384),
  found: redirect(302, 'length', plain(SOME)),
  temporary: redirect(307, 'post', POST),
  [ODD]: { answer: (req, _body, res) => res.end(req.url), body: Buffer.from(`/fetch/${ODD}`) },
  tagged: TAGGED
}

export const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const times = (make: (i: number) => string) => Array.from({ length: PER_KIND }, (_, i) => make(i)).join('')

/** Assets by kind: their type, and the content of each. */
export const ASSETS: Readonly<Record<string, readonly [type: string, content: (i: number) => string]>> = {
  script: ['text/javascript', (i) => `ran.push(${i}) // ${'x'.repeat(i * 5000)}`],
  style: ['text/css', (i) => `#styled { --style-${i}: ${i} } /* ${'x'.repeat(i * 5000)} */`],
  image: ['image/svg+xml', (i) => `<svg xmlns="http://www.w3.org/2000/svg" width="${i + 1}" height="1"/>`]
}

const inits = Object.entries(FETCHED).map(([name, { init }]) => [name, init ?? {}])

/** It writes what it saw into its `seen`; its last image comes when it has. */
export const PAGE = `<!doctype html><link rel=icon href=data:,><script>var ran = []</script>
${times((i) => `<link rel=stylesheet href=/style/${i}>`)}<p id=styled>
${times((i) => `<img class=sized src=/image/${i}>`)}
${times((i) => `<script src=/script/${i}></script>`)}
<pre id=seen></pre><img src=/last><script type=module>
const sum = async (bytes) =>
  [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((n) => n.toString(16).padStart(2, 0)).join('')
const get = async ([name, init]) => {
  const response = await fetch('/fetch/' + name, init)
  return [response.status, response.redirected, await sum(await response.arrayBuffer())]
}
const events = () => new Promise((resolve) => {
  const got = [], source = new EventSource('/events')
  source.onmessage = ({ data, lastEventId }) => {
    got.push(lastEventId + data)
    if (data === 'last') resolve(got, source.close())
  }
})
const socket = () => new Promise((resolve) => {
  const got = [], ws = new WebSocket('ws://' + location.host + '/socket', ['first', 'second'])
  ws.binaryType = 'arraybuffer'
  const bytes = new Uint8Array(400_000).map((_, i) => i * 7)
  ws.onopen = () => { for (const part of ['h\\u00e9llo', bytes, bytes.subarray(0, 200), '', 'bye']) ws.send(part) }
  ws.onmessage = async ({ data }) => got.push(typeof data === 'string' ? data : sum(data))
  ws.onclose = async ({ code, reason, wasClean }) =>
    resolve([ws.protocol, ws.extensions, ...await Promise.all(got), code, reason, wasClean])
})
const leave = async () => {
  const controller = new AbortController()
  const response = await fetch('/endless', controller)
  const { value } = await response.body.getReader().read()
  controller.abort()
  return value.length
}
const found = {}
try {
  [found.fetched, found.events, found.socket, found.left] =
    await Promise.all([Promise.all(${JSON.stringify(inits)}.map(get)), events(), socket(), leave()])
  found.again = await get(['tagged', {}])
  found.ran = ran
  found.styles = ran.map((i) => getComputedStyle(styled).getPropertyValue('--style-' + i))
  await Promise.all([...document.querySelectorAll('.sized')].map((image) => image.decode()))
  found.widths = [...document.querySelectorAll('.sized')].map((image) => image.naturalWidth)
} catch (error) {
  found.error = String(error)
}
seen.textContent = JSON.stringify(found)
await fetch('/seen', { method: 'POST' })
</script>`

/** Holds four responses that do not end, and two sockets. */
export const HOLDING_PAGE = `<!doctype html><link rel=icon href=data:,><img src=/endless/1><script>
fetch('/endless/2')
fetch('/endless/3', { method: 'POST', body: 'x'.repeat(1e6) })
new EventSource('/endless/4')
for (let i = 0; i < 2; i++) new WebSocket('ws://' + location.host + '/socket')
</script>`
