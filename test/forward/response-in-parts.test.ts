import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { sleep, startBalancer, test } from '../helper.js'
import { type Answer, checkAnswer, type Framing, makeAnswer, sendInParts } from '../support/answer.js'
import { seededRandom } from '../support/random.js'
import { scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Message, statusOf } from '../support/wire.js'

// Response in parts

const get = (id: string | number, method = 'GET') => `${method} /${id} HTTP/1.1\r\nHost: x\r\n\r\n`

const idOf = ({ startLine }: Message) => startLine.split(' ')[1]!.slice(1)

/**
 * Sends each answer in parts, all of them at once: every connection gets its first part, then every one its second, so
 * that whatever of a part is not kept is overwritten by the parts of others.
 */
async function inStep(t: Test, answers: readonly (Answer & { cuts: readonly number[] })[], method = 'GET') {
  const ready: (() => void)[] = []
  const backend = await scripted(t, (request, socket) => {
    const answer = answers[Number(idOf(request))]!
    ready.push(() => void sendInParts(socket, answer, answer.cuts, () => sleep(15)))
    if (ready.length === answers.length) for (const send of ready) send()
  })
  const { port } = await startBalancer(t, [backend], {
    LB_MAX_CONNECTIONS: '3000',
    LB_MAX_SOCKETS: '8000'
  })
  await Promise.all(
    answers.map(async (answer, i) => {
      const head = method === 'HEAD'
      const got = await exchange(t, port, get(i, method), { head, timeoutMs: 20_000 })
      checkAnswer(t, answer, got, `cut at ${answer.cuts}`)
    })
  )
}

/** Identities of one length, so that the same cut of two answers is at the same place of the message. */
const identity = (i: number) => `${i}`.padStart(4, 'q')

const CUT_EVERYWHERE = {
  'a head with a short body': { framing: 'length', size: 20 },
  'a head with nothing behind it': { framing: 'length', size: 0 },
  'chunks, their sizes and trailers': { framing: 'chunked', size: 40, chunks: [10, 17], trailerCount: 2 },
  'interim responses before a head': { framing: 'length', size: 9, interims: 2 },
  'interim responses before chunks': { framing: 'chunked', size: 9, interims: 1, trailerCount: 1 },
  'a body up to the end of the connection': { framing: 'close', size: 30 }
} as const

for (const [what, options] of Object.entries(CUT_EVERYWHERE)) {
  test(`${what}, cut at every byte`, async (t) => {
    const { length } = makeAnswer({ ...options, id: identity(0) }).bytes
    const answers = Array.from({ length: length - 1 }, (_, i) => ({
      ...makeAnswer({ ...options, id: identity(i) }),
      cuts: [i + 1]
    }))
    await inStep(t, answers)
  })
}

test('a byte at a time', async (t) => {
  const answers = Object.values(CUT_EVERYWHERE).map((options, i) => {
    const answer = makeAnswer({ ...options, fieldCount: 1, id: identity(i) })
    return { ...answer, cuts: Array.from({ length: answer.bytes.length - 1 }, (_, at) => at + 1) }
  })
  await inStep(t, answers)
})

test('heads after odd interim responses, cut', async (t) => {
  const oddities = ['103 Early', '100 Continue', '199 x'].map(
    (status) => `HTTP/1.1 ${status}\r\nContent-Length: 9\r\n\r\n`
  )
  const answers = oddities.flatMap((oddity, o) =>
    Array.from({ length: 90 }, (_, i) => {
      const answer = makeAnswer({ framing: 'length', size: 5, id: identity(100 * o + i) })
      const bytes = Buffer.concat([Buffer.from(oddity), answer.bytes])
      return { ...answer, bytes, cuts: [oddity.length + i] }
    })
  )
  await inStep(t, answers)
})

test('HEAD, cut', async (t) => {
  const answers = Array.from({ length: 60 }, (_, i) => ({
    ...makeAnswer({ framing: 'length', head: true, size: 500, id: identity(i) }),
    cuts: [10 + i]
  }))
  await inStep(t, answers, 'HEAD')
})

test('bodies about as large as the memory of a read', async (t) => {
  const sizes = [65_536, 131_072, 196_608].flatMap((size) => [-300, -1, 0, 1, 300].map((by) => size + by))
  for (const framing of ['length', 'chunked', 'close'] as const) {
    const answers = sizes.flatMap((size, i) => {
      const answer = makeAnswer({
        framing,
        size,
        chunks: [size],
        trailerCount: 2,
        id: `${framing}${identity(i)}`
      })
      const head = answer.bytes.length - size
      // Whole; with the body by itself; and such that a read fills its memory to the last byte.
      return [[], [head], [65_536], [65_536, 196_608]].map((cuts) => ({
        ...answer,
        cuts: cuts.filter((cut) => cut < answer.bytes.length)
      }))
    })
    await inStep(t, answers)
  }
})

for (const [what, bytes] of Object.entries({
  garbage: '\0\u0001garbage',
  'another response': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong',
  'half of a head': 'HTTP/1.1 200 OK\r\nX-Wrong: wro'
})) {
  test(`${what} behind a response goes to nobody`, async (t) => {
    const backend = await scripted(t, (request, socket) => {
      const { bytes: whole } = makeAnswer({ framing: 'length', size: 10, id: idOf(request) })
      socket.write(Buffer.concat([whole, Buffer.from(bytes, 'latin1')]))
    })
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    for (let i = 0; i < 20; i++) {
      const id = identity(i)
      client.send(get(id))
      checkAnswer(t, makeAnswer({ framing: 'length', size: 10, id }), await client.response(), id)
    }
  })
}

test('a head that is not ended as it should be is no response', async (t) => {
  for (const bytes of [
    'HTTP/1.1 200 OK\nContent-Length: 1\n\na',
    '\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n'
  ]) {
    const backend = await scripted(t, (_request, socket) => void socket.write(bytes))
    const { port } = await startBalancer(t, [backend])
    t.equal(statusOf(await exchange(t, port, get(1))), 502)
  }
})

// Responses interleaved

const CLIENTS = 50
/** For each client. `FAIRLEAD_TEST_ROUNDS=500` makes it run for minutes. */
const ROUNDS = Number(process.env.FAIRLEAD_TEST_ROUNDS ?? 5)
const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)

/** A read takes 65_536 bytes, or 131_072 if there was more; some Node's buffers 16_384. */
const TELLING_SIZES = [16_384, 65_536, 131_072, 196_608]

type Fate = 'whole' | 'cut by the backend' | 'left by the client'

interface Plan {
  readonly answer: Answer
  readonly method: 'GET' | 'HEAD'
  readonly cuts: readonly number[]
  readonly pauses: readonly number[]
  readonly fate: Fate
}

class Chance {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  happens(probability: number): boolean {
    return this.#random() < probability
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  size(): number {
    if (this.happens(0.3)) return this.of(TELLING_SIZES) - 1 + this.below(3)
    return this.below(10 ** (1 + this.below(5.4)))
  }

  plan(id: string, fate: Fate): Plan {
    const method = this.happens(0.1) ? 'HEAD' : 'GET'
    const bodiless = this.happens(0.1) ? this.of(['204 No', '304 Same']) : undefined
    const framing: Framing = bodiless ? 'none' : this.of(['length', 'length', 'chunked', 'chunked', 'close'])
    const size = framing === 'none' ? 0 : this.size()
    const answer = makeAnswer({
      id,
      framing,
      head: method === 'HEAD',
      size,
      chunks: [1 + this.below(50), 1 + this.below(70_000), 1 + this.below(3000)],
      fieldCount: this.below(12),
      trailerCount: this.below(5),
      interims: this.happens(0.2) ? 1 + this.below(2) : 0,
      ...(bodiless ? { status: bodiless } : {})
    })
    const { length } = answer.bytes
    // In many parts, at both ends: heads and trailers are there.
    const cuts = Array.from({ length: this.below(6) }, () =>
      this.happens(0.5)
        ? this.below(length)
        : this.happens(0.5)
          ? Math.min(this.below(400), length)
          : Math.max(0, length - this.below(200))
    ).sort((a, b) => a - b)
    return { answer, method, cuts, pauses: cuts.map(() => this.of([0, 0, 1, 3, 10])), fate }
  }
}

class Crowd {
  readonly #t: Test
  readonly #chance: Chance
  readonly #plans = new Map<string, Plan>()
  port = 0

  constructor(t: Test, chance: Chance) {
    this.#t = t
    this.#chance = chance
  }

  readonly serve = async (request: { startLine: string }, socket: Socket): Promise<void> => {
    const { answer, cuts, pauses, fate } = this.#plans.get(request.startLine.split(' ')[1]!.slice(1))!
    let part = 0
    const pause = () => sleep(pauses[part++]!)
    if (fate !== 'cut by the backend') {
      await sendInParts(socket, answer, cuts, pause)
      return
    }
    const { bytes } = answer
    await sendInParts(
      socket,
      { ...answer, bytes: bytes.subarray(0, cuts.at(-1) ?? 0), closes: false },
      cuts,
      pause
    )
    if (bytes.length % 2) socket.resetAndDestroy()
    else socket.destroy()
  }

  async client(name: string): Promise<void> {
    let client = await RawClient.open(this.#t, this.port)
    for (let round = 0; round < ROUNDS; round++) {
      const fate = this.#chance.happens(0.08)
        ? this.#chance.of(['cut by the backend', 'left by the client'] as const)
        : 'whole'
      const count = fate === 'whole' && this.#chance.happens(0.3) ? 2 + this.#chance.below(2) : 1
      const ids = Array.from({ length: count }, (_, i) => `${name}r${round}p${i}`)
      const plans = ids.map((id) => this.#chance.plan(id, fate))
      for (const [i, plan] of plans.entries()) this.#plans.set(ids[i]!, plan)
      client.send(plans.map(({ method }, i) => `${method} /${ids[i]} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
      if (this.#chance.happens(0.3)) {
        client.socket.pause()
        await sleep(this.#chance.below(40))
        client.socket.resume()
      }
      if (fate === 'whole') {
        for (const [i, plan] of plans.entries()) await this.#check(client, plan, ids[i]!)
      } else {
        if (fate === 'left by the client') await sleep(this.#chance.below(10))
        else await client.response().catch(() => {})
        client.abort()
        client = await RawClient.open(this.#t, this.port)
      }
    }
  }

  async #check(client: RawClient, { answer, method, cuts }: Plan, id: string): Promise<void> {
    const head = method === 'HEAD'
    const name = `${method} ${id}, ${answer.bytes.length} bytes cut at ${cuts}`
    const got = await client.response({ head, timeoutMs: 10_000 }).catch(() => undefined)
    if (got) {
      checkAnswer(this.#t, answer, got, name)
    } else {
      this.#t.fail(`not whole: ${name}`, { begins: answer.bytes.toString('latin1', 0, 300) })
      throw new Error('not whole')
    }
  }
}

test('many responses at once, in parts, to clients of all manners, stay apart', async (t) => {
  t.comment(`seed ${SEED}`)
  const crowd = new Crowd(t, new Chance(SEED))
  const backends = [await scripted(t, crowd.serve), await scripted(t, crowd.serve)]
  const { port } = await startBalancer(t, backends)
  crowd.port = port
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => crowd.client(`c${i}`)))
})
