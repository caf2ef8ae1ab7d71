import dns, { type LookupAddress } from 'node:dns'
import { createServer } from 'node:net'
import type { Test } from 'tap'
import { atEnd } from './test.js'

/** What the system says of names, in the place of its own resolver. */
export class Names {
  /** A name that is not there is not found; one without an answer is never answered. */
  readonly answers = new Map<string, readonly string[] | 'silence'>()
  /** Look-ups so far, in order. */
  readonly asked: string[] = []
  /** Those that wait for an answer, and the most that ever did of one name. */
  readonly running = new Map<string, number>()
  mostAtOnce = 0
  /** How long an answer takes. */
  delayMs = 0

  of(name: string): number {
    return this.asked.filter((each) => each === name).length
  }

  readonly answer = (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => {
    this.asked.push(hostname)
    const running = (this.running.get(hostname) ?? 0) + 1
    this.running.set(hostname, running)
    this.mostAtOnce = Math.max(this.mostAtOnce, running)
    setTimeout(() => {
      const answer = this.answers.get(hostname)
      if (answer === 'silence') return
      this.running.set(hostname, this.running.get(hostname)! - 1)
      if (answer) done(null, answer.map(addressOf))
      else done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), [])
    }, this.delayMs)
  }
}

const addressOf = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 })

/** Answers in the place of `dns.lookup` until the end of the test, for names that end in `.test`. */
export function namesOf(t: Test, answers: Readonly<Record<string, readonly string[]>>): Names {
  const names = new Names()
  for (const [name, addresses] of Object.entries(answers)) names.answers.set(name, addresses)
  const { lookup } = dns
  const replaced = (hostname: string, options: dns.LookupOptions, done: (...result: unknown[]) => void) => {
    if (!hostname.endsWith('.test')) return lookup(hostname, options, done as never)
    names.answer(hostname, (error, addresses) => {
      if (error || options.all) done(error, addresses)
      else done(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
  dns.lookup = replaced as never
  atEnd(t, () => {
    dns.lookup = lookup
  })
  return names
}

/** A port that is free at all of these addresses. */
export async function portAt(...addresses: readonly string[]): Promise<number> {
  for (;;) {
    const servers = addresses.map(() => createServer())
    try {
      let port = 0
      for (const [i, server] of servers.entries()) {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(port, addresses[i], resolve)
        })
        port = (server.address() as { port: number }).port
      }
      return port
    } catch {
      // Taken at one of them: another one.
    } finally {
      for (const server of servers) server.close()
    }
  }
}
