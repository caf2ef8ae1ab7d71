import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { openStage, type Stage } from '../conformance/harness.js'
import { pattern } from './answer.js'
import { command, needs, type Outcome } from './command.js'
import { test } from './test.js'

/** More than goes through any buffer at once. */
export const BODY = pattern('upload', 3_000_000)

interface Transfer {
  readonly http_code: number
  readonly num_connects: number
  readonly num_headers: number
  readonly time_total: number
}

export interface Curl {
  readonly stage: Stage
  /** A folder of this test, in which lies a file `upload`. */
  readonly folder: string
  readonly url: string
  /** Runs it, with what it says of each transfer. */
  run(args: readonly string[], input?: Buffer): Promise<Outcome & { transfers: Transfer[] }>
}

/** A test with curl before a balancer, which must be well after it. */
export function curlTest(name: string, body: (t: Test, curl: Curl) => Promise<void>): void {
  test(name, async (t) => {
    if (!needs(t, 'curl')) return
    const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '10' })
    const folder = t.testdir()
    writeFileSync(path.join(folder, 'upload'), BODY)
    const always = ['-q', '-sS', '--max-time', '15', '--noproxy', '*', '-w', '%{stderr}%{json}\n']
    const run: Curl['run'] = async (args, input) => {
      const outcome = await command(t, 'curl', [...always, ...args], { input: input ?? Buffer.alloc(0) })
      // Behind a progress meter, if many are under way.
      const lines = outcome.stderr.match(/\{".*\}$/gm) ?? []
      return { ...outcome, transfers: lines.map((line) => JSON.parse(line)) }
    }
    await body(t, { stage, folder, url: `http://127.0.0.1:${stage.balancer.port}/`, run })
    t.match(await stage.balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0, retries: 0 }] })
    t.ok(await stage.isWell(), 'all is well')
  })
}
