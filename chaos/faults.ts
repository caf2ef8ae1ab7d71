import { setTimeout as sleep } from 'node:timers/promises'

import { everyBackend, type Fleet } from './fleet.js'

const rollingDownMs = 500
const rollingPauseMs = 800
const flapPeriodMs = 700
const allDownMs = 2000
const slowMs = 500

/** A fault of backends. */
export interface Fault {
  name: string
  summary: string
  /** The backends that it affects. */
  faulty: number[]
  /** Whether the backends can count requests during the fault, and there are others to compare with. */
  sharesCount: boolean
  /** Injects it for so long, or until a fault with a fixed course has ended. */
  strike(fleet: Fleet, durationMs: number): Promise<void>
  /** Ends it; resolves once the backends answer again. */
  recover(fleet: Fleet): Promise<void>
}

type Act = (fleet: Fleet, index: number) => Promise<void> | void

interface Switch extends Pick<Fault, 'name' | 'summary' | 'faulty'> {
  sharesCount?: boolean
  on: Act
  off: Act
}

/** A fault that is switched on and off. */
function switched({ faulty, on, off, sharesCount = true, ...named }: Switch): Fault {
  const all = (fleet: Fleet, act: Act) => Promise.all(faulty.map((index) => act(fleet, index)))
  return {
    ...named,
    faulty,
    sharesCount,
    async strike(fleet, durationMs) {
      await all(fleet, on)
      await sleep(durationMs)
    },
    async recover(fleet) {
      await all(fleet, off)
    }
  }
}

const rolling: Fault = {
  name: 'rolling',
  summary: 'all restarted one after another, every second by SIGKILL; each is down for 0.5 s',
  faulty: everyBackend,
  sharesCount: false,
  async strike(fleet) {
    for (const index of everyBackend) {
      await fleet.stopBackend(index, index % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
      await sleep(rollingDownMs)
      await fleet.startBackend(index)
      await sleep(rollingPauseMs)
    }
  },
  async recover() {}
}

const flapping: Fault = {
  name: 'flapping',
  summary: 'one killed and restarted every 0.7 s',
  faulty: [0],
  sharesCount: true,
  async strike(fleet, durationMs) {
    const endMs = performance.now() + durationMs
    while (performance.now() < endMs) {
      const next = sleep(flapPeriodMs)
      await fleet.stopBackend(0, 'SIGKILL')
      await fleet.startBackend(0)
      await next
    }
  },
  async recover() {}
}

const allDown: Fault = {
  name: 'all-down',
  summary: 'all killed, and restarted after 2 s',
  faulty: everyBackend,
  sharesCount: false,
  async strike(fleet, durationMs) {
    await Promise.all(everyBackend.map((index) => fleet.stopBackend(index, 'SIGKILL')))
    await sleep(Math.min(durationMs, allDownMs))
  },
  async recover(fleet) {
    await Promise.all(everyBackend.map((index) => fleet.startBackend(index)))
  }
}

const behaveAgain: Act = (fleet, index) => fleet.set(index, {})

const kill = switched({
  name: 'kill',
  summary: 'SIGKILL of one, and its restart',
  faulty: [0],
  on: (fleet, index) => fleet.stopBackend(index, 'SIGKILL'),
  off: (fleet, index) => fleet.startBackend(index)
})

const frozen = switched({
  name: 'frozen',
  summary: 'SIGSTOP of one, and SIGCONT',
  faulty: [0],
  sharesCount: false,
  on: (fleet, index) => fleet.freeze(index),
  off: (fleet, index) => fleet.thaw(index)
})

const slow = switched({
  name: 'slow',
  summary: 'one answers after 500 ms in place of 2 ms',
  faulty: [0],
  on: (fleet, index) => fleet.set(index, { delayMs: slowMs }),
  off: behaveAgain
})

const fast500 = switched({
  name: 'fast-500',
  summary: 'one answers 500 at once',
  faulty: [0],
  on: (fleet, index) => fleet.set(index, { mode: 'error' }),
  off: behaveAgain
})

const reset = switched({
  name: 'reset',
  summary: 'one breaks the connection in the middle of every body',
  faulty: [0],
  on: (fleet, index) => fleet.set(index, { mode: 'reset' }),
  off: behaveAgain
})

const refused = switched({
  name: 'refused',
  summary: 'half of the fleet refuses connections',
  faulty: [0, 1],
  on: (fleet, index) => fleet.set(index, { refusing: true }),
  off: behaveAgain
})

/** Every fault, in the order of the tables. */
export const faults: Fault[] = [kill, rolling, frozen, slow, fast500, reset, refused, flapping, allDown]
