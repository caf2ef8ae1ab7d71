import { mkdtempSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, Children } from '../../bench/children.js'
import { freePorts } from '../../bench/loopback.js'
import { fairlead } from '../../bench/peers/fairlead.js'
import { haproxy } from '../../bench/peers/haproxy.js'
import { nginx } from '../../bench/peers/nginx.js'
import { type Message, readMessage } from '../support/wire.js'
import { forwardedMethods } from './cases/methods.js'
import { requestBodies } from './cases/request-bodies.js'
import { requestFields } from './cases/request-fields.js'
import { responseBodies } from './cases/response-bodies.js'
import { responses } from './cases/responses.js'
import { forwardedTargets } from './cases/targets.js'
import { answeredFields, ownFields } from './own-fields.js'
import * as refused from './refused/index.js'

const PATIENCE_MS = 600
const START_MS = 15_000
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const AT_ONCE = 8

interface Question {
  readonly name: string
  readonly sent: string
  readonly answer: string
}

const questions: Question[] = [
  ...[forwardedMethods, requestBodies, requestFields, responseBodies, responses, forwardedTargets]
    .flatMap((groups) => Object.values(groups).flat())
    .map(({ name, section, sent, answer = OK }) => ({ name: `${name} (${section})`, sent, answer })),
  ...Object.values(refused)
    .flat()
    .map(({ name, section, bytes }) => ({ name: `${name} (${section})`, sent: bytes, answer: OK }))
]

/** A message in a form in which case and order of fields, and what servers add, make no difference. */
function text({ startLine, framing, body, trailers }: Message, fields: Message['fields']): string {
  const meant = fields
    .map(([name, value]) => [name.toLowerCase(), value])
    .filter(([name]) => name !== 'server' && name !== 'accept-ranges')
    .sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0))
  return JSON.stringify([startLine, meant, framing, body.toString('latin1'), trailers])
}

/** A backend on a port of its own for one proxy and one question at a time. */
class Backend {
  answer = OK
  arrived: string[] = []
  readonly #server = createServer({ noDelay: true }, (socket) => {
    let bytes = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more])
      try {
        for (;;) {
          const request = readMessage(bytes, { kind: 'request' })
          if (!request) return
          bytes = bytes.subarray(request.size)
          this.arrived.push(text(request, ownFields(request)))
          socket.write(Buffer.from(this.answer, 'latin1'))
          if (/\r\nConnection: close\r\n/i.test(this.answer) || this.answer.startsWith('HTTP/1.0'))
            socket.end()
        }
      } catch {
        this.arrived.push(`broken: ${JSON.stringify(bytes.toString('latin1'))}`)
        socket.destroy()
      }
    })
  })

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
  }
}

/** Sends bytes and gives all that comes back until nothing more does. */
function ask(port: number, sent: string): Promise<{ bytes: Buffer; isClosed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () =>
      socket.write(Buffer.from(sent, 'latin1'))
    )
    const parts: Buffer[] = []
    let isClosed = false
    const end = () => {
      socket.destroy()
      resolve({ bytes: Buffer.concat(parts), isClosed })
    }
    let timer = setTimeout(end, PATIENCE_MS)
    socket.on('data', (bytes) => {
      parts.push(bytes)
      clearTimeout(timer)
      timer = setTimeout(end, PATIENCE_MS / 6)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      isClosed = true
      clearTimeout(timer)
      end()
    })
  })
}

/** What a proxy makes of a question, in a form that can be compared. */
async function outcome(port: number, backend: Backend, { sent, answer }: Question): Promise<string> {
  backend.answer = answer
  backend.arrived = []
  const { bytes, isClosed } = await ask(port, sent)
  const seen = backend.arrived.length > 0 ? `arrived ${backend.arrived.join(' and ')}` : 'nothing arrived'
  return `${seen}; came back ${describe(bytes, sent.startsWith('HEAD '), isClosed)}`
}

function describe(bytes: Buffer, head: boolean, ended: boolean): string {
  if (bytes.length === 0) return ended ? 'nothing, closed' : 'nothing'
  try {
    const message = readMessage(bytes, { kind: 'response', head, ended })
    if (!message) return 'a part'
    const [, status = ''] = message.startLine.split(' ')
    // Pages that proxies write themselves are each their own.
    return Number(status) >= 400
      ? `${status}${ended ? ', closed' : ''}`
      : text(message, answeredFields(message))
  } catch (error) {
    return `${error}`
  }
}

async function untilListening(child: Child, port: number): Promise<void> {
  for (const deadline = Date.now() + START_MS; Date.now() < deadline && !child.hasExited(); await sleep(50)) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isOpen) return
  }
  throw new Error(`${child.name} does not listen:\n${child.output()}`)
}

async function answersOf(children: Children, peer: typeof nginx): Promise<string[] | undefined> {
  const program = peer.find()
  if (!program) return void console.error(`${peer.name}: not installed, skipped`)
  // Several at once, as some questions are waited for.
  const lanes = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, lane) => {
      const backend = new Backend()
      const [address, [port]] = await Promise.all([backend.listen(), freePorts(1)])
      const folder = mkdtempSync(path.join(children.folder, `${peer.name}-${lane}-`))
      const launch = peer.launch(program, {
        port: port!,
        backends: [address],
        connections: 16,
        folder
      })
      const env = { ...launch.env, LB_NO_HEALTH_CHECK: 'true' }
      const child = children.start(peer.name, 'proxy', { ...launch, env })
      await untilListening(child, port!)
      // The first request takes longest.
      await ask(port!, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      return { backend, port: port!, child }
    })
  )
  const outcomes: string[] = []
  await Promise.all(
    lanes.map(async ({ backend, port, child }, lane) => {
      for (let i = lane; i < questions.length; i += AT_ONCE)
        outcomes[i] = await outcome(port, backend, questions[i]!)
      await children.stop(child)
      backend.close()
    })
  )
  return outcomes
}

/** Sends the cases of the suite through Fairlead, nginx and HAProxy, and prints where we differ from both. */
async function main(): Promise<void> {
  const children = new Children()
  const ours = await answersOf(children, fairlead)
  const others = [await answersOf(children, nginx), await answersOf(children, haproxy)]
  if (!ours || !others.some(Boolean)) throw new Error('There is nothing to compare with.')
  let count = 0
  for (const [i, { name }] of questions.entries()) {
    const peers = others.map((outcomes) => outcomes?.[i])
    if (peers.some((other) => other === ours[i])) continue
    count++
    console.log(`${name}\n  fairlead: ${ours[i]}\n  nginx:    ${peers[0]}\n  haproxy:  ${peers[1]}`)
  }
  console.log(`${questions.length} cases, ${count} in which Fairlead differs from both`)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
