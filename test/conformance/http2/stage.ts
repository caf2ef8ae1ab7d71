import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { type Balancer, startBalancer, test } from '../../helper.js'
import { FrameClient } from '../../support/frame-client.js'
import { listen } from '../../support/listen.js'
import { forHttp2 } from '../../support/secure-ports.js'
import { inLanes } from '../mutations.js'
import type { Case } from './case.js'

const LANES = 32
/** RFC 6455, section 1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** A balancer with a backend that does what the path of a request says. */
export interface Stage {
  readonly balancer: Balancer
  /** Targets of requests that have come. */
  readonly asked: string[]
  /** Targets of those that were given up. */
  readonly aborted: string[]
}

type Answer = (req: IncomingMessage, res: ServerResponse, bytes: number) => void

/** By the first part of the path; a number may follow it. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  /** Reads, and never answers. */
  hold: (req) => void req.resume(),
  /** Neither reads nor answers. */
  deaf: () => {},
  body: (_req, res, bytes) => void res.end(Buffer.alloc(bytes, 'a')),
  /** Of no declared length. */
  chunks: (_req, res, bytes) => {
    res.write(Buffer.alloc(bytes, 'a'))
    setTimeout(() => res.end(), 5)
  },
  trailers: (_req, res, bytes) => {
    res.writeHead(200, { Trailer: 'x-sum' })
    if (bytes > 0) res.write(Buffer.alloc(bytes, 'a'))
    else res.flushHeaders()
    res.addTrailers({ 'x-sum': '7' })
    setTimeout(() => res.end(), 5)
  },
  echo: (req, res) => void req.pipe(res),
  /** Answers ahead of the body, which it does not read. */
  early: (_req, res) => void res.end('ok'),
  interim: (_req, res) => {
    res.writeEarlyHints({ link: '</a>; rel=preload' })
    res.end('ok')
  },
  status: (_req, res, status) => void res.writeHead(status).end(),
  /** Cuts its connection amid a body. */
  cut: (_req, res) => {
    res.writeHead(200, { 'content-length': 10 }).write('half')
    setTimeout(() => res.destroy(), 5)
  }
}

const plainly: Answer = (req, res) => void req.resume().on('end', () => res.end('ok'))

export async function openStage(t: Test): Promise<Stage> {
  const asked: string[] = []
  const aborted: string[] = []
  const server = createServer((req, res) => {
    asked.push(req.url!)
    res.on('close', () => {
      if (!res.writableFinished) aborted.push(req.url!)
    })
    req.on('error', () => {})
    const [, what = '', number] = /^\/([a-z]*)\/?(\d*)/.exec(req.url!) ?? []
    const answer = ANSWERS[what] ?? plainly
    answer(req, res, Number(number))
  })
  // A WebSocket echoes what comes, whatever it is.
  server.on('upgrade', (req, socket) => {
    asked.push(req.url!)
    const accept = createHash('sha1')
      .update(`${req.headers['sec-websocket-key']}${ACCEPT_SALT}`)
      .digest('base64')
    socket.on('error', () => {})
    socket.on('close', () => aborted.push(req.url!))
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
    )
    if (req.url === '/ended') socket.end('bye')
    else socket.pipe(socket)
  })
  const address = await listen(t, server)
  const balancer = await startBalancer(t, [{ address }], forHttp2())
  return { balancer, asked, aborted }
}

/**
 * Has every case play on one balancer, each on a connection of its own.
 * @param faultAfter what is wrong when all have played
 */
export function testCases(
  title: string,
  cases: readonly Case[],
  faultAfter: (stage: Stage) => string | undefined = () => undefined
): void {
  test(title, async (t) => {
    const stage = await openStage(t)
    const faults: (string | undefined)[] = []
    await inLanes(LANES, cases.length, async (i) => {
      faults[i] = await faultOf(cases[i]!, stage)
      return true
    })
    for (const [i, { name, section }] of cases.entries()) t.equal(faults[i], undefined, `${section}: ${name}`)
    t.equal(faultAfter(stage), undefined)
    const loud = stage.balancer.log.filter(({ level }) => level >= 50)
    t.same(loud, [], 'no error of our own')
  })
}

async function faultOf({ steps, sees, opening }: Case, stage: Stage): Promise<string | undefined> {
  const session = await FrameClient.connect(stage.balancer.port, { ...opening, keepsFrames: true })
  try {
    for (const step of steps) {
      if (typeof step === 'function') await step(session, stage)
      else session.send(step)
    }
    await sees(session, stage)
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    session.leave()
  }
}
