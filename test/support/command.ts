import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { atEnd } from './test.js'

/** How a program ended, and what it wrote. */
export interface Outcome {
  /** Null if it had to be killed. */
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

interface CommandOptions {
  readonly input?: Buffer
  readonly timeoutMs?: number
  /** Kills it. */
  readonly signal?: AbortSignal
}

/** Whether a program of the system is there; a test that needs it is skipped where it is not. */
export function needs(t: Test, name: string): boolean {
  const isThere = process.env.PATH!.split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (!isThere) t.pass(`${name} is not installed`, { skip: true })
  return isThere
}

/** Runs a program of the system to its end. What it has started in its turn ends with it. */
export async function command(
  t: Test,
  name: string,
  args: readonly string[],
  { input = Buffer.alloc(0), timeoutMs = 20_000, signal }: CommandOptions = {}
): Promise<Outcome> {
  const child = spawn(name, [...args], { detached: true, env: { PATH: process.env.PATH! } })
  const kill = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // All of its group have ended.
    }
  }
  atEnd(t, kill)
  signal?.addEventListener('abort', kill)
  const timer = setTimeout(kill, timeoutMs)
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (bytes) => output[stream].push(bytes))
  // It need not read all of it.
  child.stdin.on('error', () => {}).end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearTimeout(timer)
  return { code, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr).toString() }
}
