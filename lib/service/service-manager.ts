import { execFile } from 'node:child_process'

/** Runs a command; rejects if it fails, or is not there. */
type Run = (command: string, args: readonly string[]) => Promise<void>

export interface ServiceManagerOptions {
  /** What is served, in a line for people. */
  readonly describe: () => string
  readonly warn: (message: string) => void
  readonly run?: Run
}

type Env = Readonly<Record<string, string | undefined>>

/** systemd waits for no answer; `systemd-notify` waits until systemd has read the message. */
const TIMEOUT_MS = 10_000
const NOTIFY = 'systemd-notify'
const MS_PER_US = 1e-3
const NS_PER_US = 1000n

const runCommand: Run = (command, args) =>
  new Promise((resolve, reject) => {
    execFile(command, args, { timeout: TIMEOUT_MS }, (error, _, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message))
      else resolve()
    })
  })

/**
 * Tells systemd of the state of this process (sd_notify(3)), by `systemd-notify`: Node has no datagram sockets in the
 * file system. Each message is sent when the one before it has been.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  readonly #run: Run
  #latest: Promise<void> = Promise.resolve()
  #hasFailed = false
  /** Another process speaks for the service. */
  #isSilent = false
  #isPinging = false
  #watchdog: NodeJS.Timeout | undefined

  constructor(options: ServiceManagerOptions) {
    this.#options = options
    this.#run = options.run ?? runCommand
  }

  /** Whether there is one to tell. */
  static isThere(env: Env): boolean {
    return (env.NOTIFY_SOCKET ?? '') !== ''
  }

  /**
   * This process serves.
   * @param isSuccessor whether it does in the place of another one
   */
  ready(isSuccessor = false): Promise<void> {
    return this.#tell('READY=1', this.#status(), ...(isSuccessor ? [`MAINPID=${process.pid}`] : []))
  }

  /** The configuration is being read again; `ready` ends that. */
  reloading(): Promise<void> {
    const nowUs = process.hrtime.bigint() / NS_PER_US
    return this.#tell('RELOADING=1', `MONOTONIC_USEC=${nowUs}`, 'STATUS=Reading the configuration again')
  }

  stopping(): Promise<void> {
    return this.#tell('STOPPING=1', 'STATUS=Draining')
  }

  status(text: string): Promise<void> {
    return this.#tell(`STATUS=${text}`)
  }

  /** Another process speaks for the service from now on. */
  beSilent(): void {
    this.#isSilent = true
    this.unwatch()
  }

  /**
   * Tells twice in each period of the watchdog that the event loop is live.
   * @param isSuccessor whether the variables are those of the process before
   */
  watch(env: Env, isSuccessor = false): void {
    const { WATCHDOG_USEC: periodUs, WATCHDOG_PID: pid } = env
    const isMeant = isSuccessor || pid === undefined || Number(pid) === process.pid
    if (!isMeant || !(Number(periodUs) > 0)) return
    this.#watchdog = setInterval(() => this.#ping(), (Number(periodUs) * MS_PER_US) / 2).unref()
  }

  unwatch(): void {
    clearInterval(this.#watchdog)
  }

  #ping(): void {
    // One that hangs is not to pile up others behind it.
    if (this.#isPinging) return
    this.#isPinging = true
    void this.#tell('WATCHDOG=1', this.#status()).then(() => {
      this.#isPinging = false
    })
  }

  #status(): string {
    return `STATUS=${this.#options.describe()}`
  }

  #tell(...message: readonly string[]): Promise<void> {
    const send = async () => {
      if (this.#isSilent) return
      try {
        await this.#run(NOTIFY, message)
      } catch (error) {
        if (!this.#hasFailed) this.#options.warn(`systemd is not told: ${(error as Error).message}`)
        this.#hasFailed = true
      }
    }
    this.#latest = this.#latest.then(send)
    return this.#latest
  }
}
