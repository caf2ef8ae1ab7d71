import { seededRandom } from '../support/random.js'
import type { Attempt } from './pool.js'
import { errorOf, REFUSED_UNPROCESSED } from './pool.js'
import { Rules } from './rules.js'
import { drawSetting } from './setting.js'
import { TICK_MS, World } from './world.js'

const REFUSED = 'ECONNREFUSED'
const LOST = ['ECONNRESET', 'LB_CONNECTION_CLOSED', REFUSED_UNPROCESSED]
const NOT_CONNECTED = [REFUSED, REFUSED, 'LB_CONNECT_TIMEOUT', 'EMFILE', REFUSED_UNPROCESSED]
/** Longer than the first ejection. */
const LONG_MS = 11_000
const TURNS_OF_A_CHECK = 4

/** One course of random events, the same for the same seed. */
export class History {
  readonly #random: () => number
  #world!: World
  #rules!: Rules
  /** Of each kind of event. */
  #weights: readonly (readonly [kind: string, weight: number])[] = []
  #totalWeight = 0
  readonly #told: string[] = []

  constructor(readonly seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Plays it to its end. Rejects when a rule is broken, with the seed and what happened before. */
  async play(): Promise<void> {
    const { performance: clock, setTimeout: set, clearTimeout: clear } = globalThis
    const now = clock.now
    const chance = Math.random
    // Before anything is made that holds on to it.
    Math.random = this.#random
    clock.now = () => this.#world.nowMs
    globalThis.setTimeout = ((run: () => void, ms: number) => this.#world.timers.set(run, ms)) as never
    globalThis.clearTimeout = ((timer: never) => this.#world.timers.clear(timer)) as never
    try {
      const setting = drawSetting(this.#random)
      this.#weights = Object.entries(setting.weights)
      this.#totalWeight = this.#weights.reduce((sum, [, weight]) => sum + weight, 0)
      this.#world = new World(setting, this.#random)
      this.#rules = new Rules(this.#world)
      this.#world.watch(this.#rules)
      for (let i = 0; i < setting.length; i++) {
        const isAwaited = this.#step()
        // Each turn costs more than most steps: the runner of the tests looks after every promise.
        for (let turns = 0; isAwaited && turns < TURNS_OF_A_CHECK; turns++) await undefined
        this.#rules.check()
      }
      this.#windUp()
    } catch (error) {
      const { balancing, resilience, backends } = this.#world.setting.config
      const setting = JSON.stringify({ backends, algorithm: balancing.algorithm, resilience })
      const last = this.#told.slice(-40).join('\n')
      throw new Error(`HISTORY=${this.seed}: ${(error as Error).stack}\n${setting}\n${last}`)
    } finally {
      clock.now = now
      globalThis.setTimeout = set
      globalThis.clearTimeout = clear
      Math.random = chance
    }
  }

  /** Returns whether it goes on in turns to come. */
  #step(): boolean {
    this.#world.finishAnswers()
    let drawn = this.#random() * this.#totalWeight
    for (const [kind, weight] of this.#weights) {
      drawn -= weight
      if (drawn < 0) return this.#happen(kind)
    }
    return false
  }

  /** Returns whether it goes on in turns to come. */
  #happen(kind: string): boolean {
    const world = this.#world
    const { registry } = world
    switch (kind) {
      case 'arrive': {
        const cookies = [...world.cookies.keys()]
        const cookie = this.#random() < 0.6 ? this.#oneOf(cookies) : undefined
        const method = this.#random() < 0.2 ? 'POST' : 'GET'
        const client = world.arrive(method, cookie)
        this.#tell(`${method} of ${client.id}, kept on ${client.keptOn?.address}: ${client.code}`)
        break
      }
      case 'send':
        this.#with(
          kind,
          ({ isSent }) => !isSent,
          (attempt) => attempt.send()
        )
        break
      case 'head': {
        const status = this.#oneOf([200, 200, 200, 404, 500, 503])!
        this.#with(`${status}`, isAwaited, (attempt) => world.head(attempt, status))
        break
      }
      case 'end':
        this.#with(
          kind,
          ({ hasHead }) => hasHead,
          (attempt) => attempt.end()
        )
        break
      case 'fail': {
        const which = this.#random()
        this.#with(
          kind,
          () => true,
          (attempt) => attempt.fail(errorOf(this.#codeFor(attempt, which)))
        )
        break
      }
      case 'timeOut':
        this.#with(kind, isAwaited, (attempt) => attempt.timeOut())
        break
      case 'abort': {
        const client = this.#oneOf(world.open)
        this.#tell(`${client?.id} leaves`)
        if (client) world.abort(client)
        break
      }
      case 'health': {
        const backend = this.#oneOf(registry.backends)!
        const to = this.#random() < 0.6 ? 'healthy' : 'unhealthy'
        this.#tell(`${backend.address} is ${to}`)
        this.#rules.asHealthEvent(() => registry.setState(backend, to, 'test'))
        break
      }
      case 'drain': {
        const backend = this.#oneOf(registry.backends)!
        const draining = this.#random() < 0.4
        this.#tell(`${backend.address} is ${draining ? '' : 'not '}drained`)
        registry.setDraining(backend, draining, 'test')
        break
      }
      case 'pass':
        this.#pass(TICK_MS * (1 + Math.floor(this.#random() * 12)))
        break
      case 'passLong':
        this.#pass(LONG_MS)
        break
      case 'check': {
        const answer = world.checks.shift()
        if (!answer) return false
        const isWell = this.#random() < 0.4
        this.#tell(`a check ${isWell ? 'passes' : 'fails'}`)
        answer(isWell)
        return true
      }
    }
    return false
  }

  /** Everybody is answered, leaves or gives up, and nothing is left. */
  #windUp(): void {
    const world = this.#world
    for (let rounds = 0; world.open.length > 0; rounds++) {
      if (rounds > 200) throw new Error('it has no end')
      this.#tell(`round ${rounds} of the end`)
      for (const attempt of world.underWay) {
        if (!attempt.isUnderWay) continue
        if (!attempt.isSent) attempt.send()
        else if (!attempt.hasHead) world.head(attempt, 200)
        else attempt.end()
        this.#rules.check()
      }
      this.#pass(5 * TICK_MS)
      world.finishAnswers()
      this.#rules.check()
    }
    this.#rules.checkEnd()
  }

  #pass(ms: number): void {
    this.#tell(`${ms} ms pass`)
    for (let passedMs = 0; passedMs < ms; passedMs += TICK_MS) {
      this.#world.tick()
      this.#rules.check()
    }
  }

  /** Has something happen to an attempt that is under way. */
  #with(what: string, isFit: (attempt: Attempt) => boolean, run: (attempt: Attempt) => void): void {
    const attempt = this.#oneOf(this.#world.underWay.filter(isFit))
    if (!attempt) return
    this.#tell(`${what} at ${attempt.backend.address} for ${attempt.client.id}`)
    run(attempt)
  }

  #codeFor({ isSent }: Attempt, which: number): string {
    const codes = isSent ? LOST : NOT_CONNECTED
    return codes[Math.floor(which * codes.length)]!
  }

  #oneOf<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.#random() * of.length)]
  }

  #tell(what: string): void {
    this.#told.push(`${this.#world.nowMs} ${what}`)
  }
}

const isAwaited = ({ isSent, hasHead }: Attempt) => isSent && !hasHead
