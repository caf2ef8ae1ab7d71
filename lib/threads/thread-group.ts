import type { MessagePort } from 'node:worker_threads'
import type { SharedCells } from '../base/cells/shared-cells.js'
import type { GivenConfig } from '../config/load.js'
import type { DrainTerms } from '../listener/drain/drain-terms.js'
import { FollowerWorker } from './follower-worker.js'
import { Heartbeats } from './heartbeat.js'
import type { Duplicate } from './listening-handle.js'
import type {
  ClosedMessage,
  FollowedState,
  FollowerMessage,
  FollowerReport,
  OwnerMessage
} from './messages.js'
import { type Log, writeRelayed } from './relayed-log.js'

/** One that lives shorter has not recovered what its predecessor died of. */
const STABLE_MS = 5000
const MIN_RESTART_MS = 100
const MAX_RESTART_MS = 5000
const WATCH_MS = 1000
/** Loops that stand still for longer are reported. */
const BLOCKED_MS = 2000
/** Time for closing after the drain has ended one way or the other. */
const CLOSE_MARGIN_MS = 2000

export interface GroupOptions {
  /** The file that followers run. */
  readonly entry: string
  readonly cells: SharedCells
  /** All cells that have a name by now. */
  readonly allCells: () => ReadonlyMap<string, Int32Array>
  readonly drainTerms: DrainTerms
  readonly log: Log
  readonly logLevel: string
  /** What the owner started with. */
  readonly started: GivenConfig
  /** What followers are to serve by. */
  readonly state: () => FollowedState
  /** What to listen on. */
  readonly listening: () => Promise<Duplicate>
  /** Called with the port over which the requests for `/__lb/` of a new thread come. */
  readonly onAdminPort: (port: MessagePort) => void
  readonly onReport: (message: FollowerReport) => void
  /** Takes back what a thread held that has died. Returns how many requests it had. */
  readonly onDeath: (thread: number) => number
}

interface Seen {
  beats: number
  sinceMs: number
  isBlocked: boolean
}

/** The followers of the thread that owns the state: starts them, replaces those that die, and has them drain at the end. */
export class ThreadGroup {
  readonly #options: GroupOptions
  readonly #followers = new Map<number, FollowerWorker>()
  readonly #seen = new Map<number, Seen>()
  readonly #heartbeats: Heartbeats
  readonly #restarts = new Set<NodeJS.Timeout>()
  #watch: NodeJS.Timeout | undefined
  #isClosing = false
  #hasCut = false
  #onListening = () => {}
  /** Resolves when all of them accept connections for the first time. */
  readonly listening = new Promise<void>((resolve) => {
    this.#onListening = resolve
  })

  constructor(options: GroupOptions) {
    this.#options = options
    this.#heartbeats = new Heartbeats(options.cells)
  }

  /** Starts all, once the owner listens. */
  async start(): Promise<void> {
    this.#watch = setInterval(() => this.#watchLoops(), WATCH_MS).unref()
    const { count } = this.#options.cells.threads
    await Promise.all(Array.from({ length: count - 1 }, (_, index) => this.#start(index + 1, MIN_RESTART_MS)))
  }

  /** Tells all what they are to serve by. */
  tellState(): void {
    this.tell({ kind: 'state', state: this.#options.state() })
  }

  tell(message: OwnerMessage): void {
    for (const follower of this.#followers.values()) follower.tell(message)
  }

  /**
   * Drains all, and waits for their end.
   * @returns whether requests were cut off
   */
  async close(): Promise<boolean> {
    this.#isClosing = true
    clearInterval(this.#watch)
    for (const timer of this.#restarts) clearTimeout(timer)
    const followers = [...this.#followers.values()]
    const { isHandover, timeoutMs } = this.#options.drainTerms
    for (const follower of followers) follower.close(isHandover)
    const cut = () => void Promise.all(followers.map((follower) => follower.terminate()))
    const deadline = setTimeout(cut, timeoutMs + CLOSE_MARGIN_MS)
    await Promise.all(followers.map(({ ended }) => ended))
    clearTimeout(deadline)
    return this.#hasCut
  }

  /** @param nextMs when it is to be replaced if it dies soon */
  async #start(thread: number, nextMs: number): Promise<void> {
    const { entry, cells, allCells, started, state, listening, log, logLevel, onAdminPort } = this.#options
    let follower: FollowerWorker
    let duplicate: Duplicate | undefined
    try {
      duplicate = await listening()
      if (this.#isClosing) {
        duplicate.close()
        return
      }
      const { fd } = duplicate
      const threads = { ...cells.threads, own: thread }
      const data = { ...state(), started, threads, cells: allCells(), fd, logLevel }
      follower = new FollowerWorker(entry, data, (message) => this.#onMessage(thread, message))
      onAdminPort(follower.adminPort)
    } catch (error) {
      duplicate?.close()
      if (this.#isClosing) return
      log.error(
        { thread: thread + 1, err: error },
        `Thread ${thread + 1} cannot be started: ${(error as Error).message}`
      )
      this.#restart(thread, nextMs, nextMs)
      return
    }
    this.#followers.set(thread, follower)
    void follower.ended.then((error) => {
      if (!follower.hasListened) duplicate.close()
      this.#onEnd(thread, follower, error, nextMs)
    })
  }

  #onEnd(thread: number, follower: FollowerWorker, error: Error | undefined, nextMs: number): void {
    this.#followers.delete(thread)
    this.#seen.delete(thread)
    const lost = this.#options.onDeath(thread)
    // One that has drained knows: its clients may have left what still counts.
    if (follower.hasCut ?? (this.#isClosing && lost > 0)) this.#hasCut = true
    if (!error) return
    const next = this.#isClosing ? '' : '; another takes its place'
    this.#options.log.error(
      { thread: thread + 1, err: error, lost },
      `Thread ${thread + 1} has died (${error.message}), with ${lost} requests${next}`
    )
    const isStable = performance.now() - follower.startedMs >= STABLE_MS
    this.#restart(thread, isStable ? 0 : nextMs, isStable ? MIN_RESTART_MS : nextMs)
  }

  #restart(thread: number, delayMs: number, nextMs: number): void {
    if (this.#isClosing) return
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      void this.#start(thread, Math.min(2 * nextMs, MAX_RESTART_MS))
    }, delayMs)
    this.#restarts.add(timer)
  }

  #onMessage(thread: number, message: Exclude<FollowerMessage, ClosedMessage>): void {
    const { log, onReport } = this.#options
    if (message.kind === 'log') writeRelayed(log, message.line)
    else if (message.kind !== 'listening') onReport(message)
    else {
      this.#seen.set(thread, { beats: -1, sinceMs: performance.now(), isBlocked: false })
      if (this.#seen.size === this.#options.cells.threads.count - 1) this.#onListening()
    }
  }

  /** A thread whose loop stands still accepts nothing: the others take what connects. */
  #watchLoops(): void {
    const nowMs = performance.now()
    for (const [thread, seen] of this.#seen) {
      const beats = this.#heartbeats.of(thread)
      const silentMs = Math.round(nowMs - seen.sinceMs)
      if (beats !== seen.beats) {
        if (seen.isBlocked)
          this.#options.log.info(
            { thread: thread + 1, silentMs },
            `Thread ${thread + 1} runs again, after ${silentMs} ms`
          )
        Object.assign(seen, { beats, sinceMs: nowMs, isBlocked: false })
      } else if (silentMs >= BLOCKED_MS && !seen.isBlocked) {
        seen.isBlocked = true
        this.#options.log.warn(
          { thread: thread + 1, silentMs },
          `Thread ${thread + 1} is blocked: the others accept all connections`
        )
      }
    }
  }
}
