import type { Backend, BackendState } from '../../lib/pool/backend.js'
import { BalancerCell } from '../../lib/pool/cells.js'
import type { Client } from './client.js'
import type { Attempt } from './pool.js'
import { isSound, SlowStarts } from './slow-starts.js'
import { TICK_MS, type World } from './world.js'

/** How long a retry waits for its place in the budget. */
const BUDGET_PATIENCE_MS = 1000
const MIN_PLACES = 3

/** What must be true of a balancer whatever happens to it, by counts that are not its own. */
export class Rules {
  readonly #world: World
  #broken: Error | undefined
  #retrying = 0
  #inFlight = 0
  #isHealthEvent = false
  readonly #starts: SlowStarts
  /** Until when each may be ejected. */
  readonly #ejectedUntilMs = new Map<Backend, number>()
  #eligible: boolean[] = []

  constructor(world: World) {
    this.#world = world
    const { registry } = world
    this.#starts = new SlowStarts(world, (isTrue, otherwise) => this.#demand(isTrue, otherwise))
    registry.on('rotation', ({ backend, kind, reason }) => {
      // What was eligible is known from the last change.
      if (kind === 'ejected') this.#checkEjection(backend, reason)
      this.#noteChange()
    })
    registry.on('state', ({ from, to }) => {
      const wasAny = this.#eligible.includes(true)
      this.#noteChange(from)
      const isByRequests = wasAny && to === 'unhealthy' && !this.#isHealthEvent
      if (isByRequests)
        this.#demand(registry.eligibleCount > 0, () => 'the last eligible backend was taken out')
    })
    this.#eligible = registry.backends.map((backend) => this.isEligible(backend))
  }

  /** Runs what takes backends out by the word of the health checks, which nothing holds back. */
  asHealthEvent(run: () => void): void {
    this.#isHealthEvent = true
    run()
    this.#isHealthEvent = false
  }

  /** Whether a backend may be given requests, from what is known of each. */
  isEligible(backend: Backend): boolean {
    const { backends } = this.#world.registry
    const { panic } = this.#world.setting.config.resilience
    return panic && !backends.some(isSound) ? !backend.draining : isSound(backend)
  }

  /** The backends that a request may go to, without those that were asked for it: with room or not. */
  choicesOf(client: Client): Backend[] {
    const { keptOn, attempts } = client
    const left = this.#world.registry.backends.filter(
      (backend) => this.isEligible(backend) && !attempts.some((attempt) => attempt.backend === backend)
    )
    const proper = left.filter(({ config }) => !config.backup)
    const tier = proper.length > 0 ? proper : left
    return keptOn && this.#waitsForOwn(client) && tier.includes(keptOn) ? [keptOn] : tier
  }

  beforeAttempt({ client, backend, isFirst }: Attempt): void {
    const world = this.#world
    this.#demand(
      this.isEligible(backend),
      () => `${backend.address} is given a request while it is ${backend.status}`
    )
    // Who waits through an outage may ask the same backends anew.
    if (isFirst || this.#outageMs === 0) {
      const choices = this.choicesOf(client)
      const before = client.attempts.filter((attempt) => attempt.backend === backend)
      // A session goes back once to its backend, whose connection may just have been closed.
      const [first] = before
      const isRace = first?.isReused || first?.isRefused
      const isSecondChance = backend === client.keptOn && before.length === 1 && isRace
      const isRightPlace =
        before.length > 0 ? isSecondChance || !choices.some(hasRoom) : choices.includes(backend)
      this.#demand(isRightPlace, () => `${backend.address} is asked while it is the turn of others`)
    }
    if (this.#outageMs === 0) this.#checkRetries(client)
    if (!isFirst || client.isStranded || this.#waitsForOwn(client)) return
    for (const other of world.open) {
      if (other.id >= client.id) break
      const isWaiting = other.attempts.length === 0 && !other.isAnswered && !other.isStranded
      this.#demand(
        !isWaiting || this.#waitsForOwn(other),
        () => `client ${client.id} goes before ${other.id}`
      )
    }
  }

  /** Failures but those that say nothing of the next try are as many as there may be retries. */
  #checkRetries({ id, attempts }: Client): void {
    const { retries } = this.#world.setting.config.resilience
    const failures = attempts.filter(({ isFailed, isRefused, isStale }) => isFailed && !isRefused && !isStale)
    // One of two that were asked at once may fail.
    const seconds = attempts.filter(({ isSecond }) => isSecond)
    const isWithin = failures.length <= retries + seconds.length
    this.#demand(isWithin, () => `client ${id} is tried again after ${failures.length} failures`)
  }

  afterAttempt({ client, backend }: Attempt): void {
    const { max } = backend.config
    const count = Math.max(backend.active, this.#world.countUnderWay()[backend.id]!)
    this.#demand(max === 0 || count <= max, () => `${backend.address} has ${count} in flight, of ${max}`)
    client.idleSinceMs = Number.NaN
  }

  /** To be called after each event. Throws if a rule is broken. */
  check(): void {
    const world = this.#world
    const { registry, open, nowMs } = world
    const counts = world.countUnderWay()
    for (const backend of registry.backends) {
      const { active, address, id } = backend
      // Without a closure for each: this is what most of the time goes to.
      if (active !== counts[id]) this.#break(`${address} has ${active} slots taken, not ${counts[id]}`)
      if (backend.eligible !== this.isEligible(backend)) this.#break(`${address} is eligible wrongly`)
      if (backend.ejected && !(nowMs < this.#ejectedUntilMs.get(backend)!))
        this.#break(`${address} is ejected for ever`)
      this.#starts.check(backend)
    }
    let serving = 0
    let waiting = 0
    for (const client of open) {
      if (!client.exchange) continue
      serving++
      if (client.isAnswered || client.isAsking) {
        client.idleSinceMs = nowMs
        continue
      }
      waiting++
      if (Number.isNaN(client.idleSinceMs)) client.idleSinceMs = nowMs
      this.#checkWait(client)
    }
    this.#demand(registry.inFlight === serving, () => `${registry.inFlight} in flight, not ${serving}`)
    const queued = registry.counters.sum(BalancerCell.queued)
    this.#demand(queued >= 0 && queued <= waiting, () => `${queued} are queued, of ${waiting} that wait`)
    this.#checkBudget()
    this.#throwBroken()
  }

  /** To be called when no client is left. */
  checkEnd(): void {
    const { registry, clients } = this.#world
    const { counters } = registry
    const gauges = [BalancerCell.inFlight, BalancerCell.queued, BalancerCell.retrying].map((cell) =>
      counters.sum(cell)
    )
    this.#demand(
      gauges.every((gauge) => gauge === 0),
      () => `in flight, queued, retrying: ${gauges}`
    )
    const active = registry.backends.map((backend) => backend.active)
    this.#demand(
      active.every((count) => count === 0),
      () => `slots are taken at the end: ${active}`
    )
    this.#demand(this.#world.timers.size === 0, () => 'a timer is left')
    const lost = clients.find((client) => !client.isClosed)
    this.#demand(!lost, () => `client ${lost?.id} was never answered`)
    this.#throwBroken()
  }

  get #outageMs(): number {
    return this.#world.setting.config.resilience.outageTimeoutMs
  }

  #noteChange(from?: BackendState): void {
    const { backends } = this.#world.registry
    this.#starts.noteChange(this.#eligible, from)
    this.#eligible = backends.map(({ eligible }) => eligible)
  }

  /** What is broken is told at the next check, as those that break it may have nobody to throw to. */
  #demand(isTrue: unknown, otherwise: () => string): void {
    if (!isTrue) this.#break(otherwise())
  }

  #break(what: string): void {
    this.#broken ??= new Error(what)
  }

  #throwBroken(): void {
    if (this.#broken) throw this.#broken
  }

  /** Whether a request that has not been asked for waits for one backend alone. */
  #waitsForOwn({ keptOn }: Client): boolean {
    if (!keptOn || !this.isEligible(keptOn)) return false
    const isProperLeft = this.#world.registry.backends.some((b) => !b.config.backup && this.isEligible(b))
    // A backup keeps its clients only while it is needed.
    return !keptOn.config.backup || !isProperLeft
  }

  #checkWait(client: Client): void {
    const { queueTimeoutMs } = this.#world.setting.config.resilience
    const isFirst = client.attempts.length === 0
    const inTurnMs = [queueTimeoutMs, this.#outageMs, BUDGET_PATIENCE_MS]
    const limitMs = isFirst
      ? (client.isStranded ? this.#outageMs + TICK_MS : 0) + queueTimeoutMs + TICK_MS
      : inTurnMs.reduce((sum, ms) => sum + ms + TICK_MS)
    const waitedMs = this.#world.nowMs - client.idleSinceMs
    this.#demand(waitedMs <= limitMs, () => `client ${client.id} has waited for ${waitedMs} ms`)
    const isPassedOver = isFirst && !client.isStranded && this.choicesOf(client).some(hasRoom)
    this.#demand(!isPassedOver, () => `client ${client.id} waits though there is room`)
  }

  /** Retries have a place each, and never more places are taken than there are. */
  #checkBudget(): void {
    const { registry, setting } = this.#world
    const retrying = registry.counters.sum(BalancerCell.retrying)
    const inFlight = Math.max(registry.inFlight, this.#inFlight)
    const places = Math.max(MIN_PLACES, Math.floor(setting.config.resilience.retryBudget * inFlight))
    if (retrying > this.#retrying) this.#demand(retrying <= places, () => `${retrying} retries, of ${places}`)
    this.#retrying = retrying
    this.#inFlight = registry.inFlight
    // Who waits through an outage begins anew, with a first try.
    if (this.#outageMs > 0) return
    let holders = 0
    for (const { attempts } of this.#world.open)
      for (const attempt of attempts)
        if (attempt.isUnderWay && !attempt.hasHead && holdsPlace(attempt)) holders++
    this.#demand(retrying >= holders, () => `${retrying} places are taken, for ${holders} retries`)
  }

  #checkEjection(backend: Backend, reason: string): void {
    const seconds = Number(/for (\d+) s$/.exec(reason)?.[1] ?? Number.POSITIVE_INFINITY)
    this.#ejectedUntilMs.set(backend, this.#world.nowMs + seconds * 1000)
    const { backends, eligibleCount } = this.#world.registry
    const out = backends.filter(({ ejected }) => ejected).length
    this.#demand(this.#eligible[backend.id], () => `${backend.address} was out before it was ejected`)
    this.#demand(out <= backends.length / 2, () => `${out} of ${backends.length} are ejected`)
    this.#demand(eligibleCount > 0, () => 'the last eligible backend was ejected')
  }
}

/** Whether an attempt takes a place in the budget: another is under way too, or one before it was sent. */
function holdsPlace(attempt: Attempt): boolean {
  const { attempts } = attempt.client
  return (
    attempt.isSecond ||
    attempts
      .slice(0, attempts.indexOf(attempt))
      .some(({ isSent, isRefused, isStale }) => isSent && !isRefused && !isStale)
  )
}

const hasRoom = ({ hasRoom }: Backend) => hasRoom
