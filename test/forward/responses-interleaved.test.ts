import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { sleep, startBalancer, test } from '../helper.js'
import { type Answer, checkAnswer, type Framing, makeAnswer, sendInParts } from '../support/answer.js'
import { seededRandom } from '../support/random.js'
import { scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'

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
