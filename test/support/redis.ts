import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd } from './test.js'

/** A `redis-server` that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string
  readonly process: ChildProcess
}

/** Starts one, by default on a port of its own; resolves when it takes connections. */
export async function redisServer(
  t: Test,
  port?: number,
  args: readonly string[] = []
): Promise<RedisServer> {
  const own = port ?? (await freePort())
  const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', ['--port', `${own}`, ...options, ...args], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  atEnd(t, () => void child.kill('SIGKILL'))
  let output = ''
  for await (const [bytes] of on(child)) {
    output += bytes
    if (output.includes('Ready to accept connections')) break
  }
  child.stdout!.resume()
  return { url: `redis://127.0.0.1:${own}`, process: child }
}

async function* on(child: ChildProcess): AsyncGenerator<[Buffer]> {
  for (;;) yield (await once(child.stdout!, 'data')) as [Buffer]
}
