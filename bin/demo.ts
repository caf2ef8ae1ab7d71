#!/usr/bin/env node
import { setTimeout as delay } from 'node:timers/promises'
import { CommandProcess, freePort, isPortFree } from '../scenarios/processes.js'

const READY_TIMEOUT_MS = 10_000
const POLL_MS = 50
// npm forwards Ctrl-C to a process that has got it from the terminal already.
const REPEATED_SIGNAL_MS = 1000

const children: CommandProcess[] = []
let stoppingSinceMs: number | undefined

function start(name: string, args: string[]): void {
  const child = new CommandProcess(name, args, { inherit: true, detached: true })
  children.push(child)
  void child.exited.then(({ code, signal }) => {
    if (stoppingSinceMs === undefined) {
      console.error(
        `demo: ${name} ${args.join(' ')} ended (${signal ?? `exit code ${code}`}), stopping the rest`
      )
      process.exitCode = 1
    }
    void stop('SIGTERM')
  })
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  const nowMs = performance.now()
  if (stoppingSinceMs !== undefined && nowMs - stoppingSinceMs < REPEATED_SIGNAL_MS) return
  const again = stoppingSinceMs !== undefined
  stoppingSinceMs = nowMs
  for (const child of children) if (child.running) child.kill(signal)
  if (again) return
  await Promise.all(children.map((child) => child.exited))
  process.exit()
}

/** The port itself if it is free, or another, with a message. */
async function portOrOther(port: number, who: string): Promise<number> {
  if (await isPortFree(port)) return port
  const other = await freePort()
  console.log(`Port ${port} is in use: ${who} takes ${other}`)
  return other
}

async function untilReady(url: string): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  while (stoppingSinceMs === undefined) {
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false
    )
    if (ready) return
    if (performance.now() > deadlineMs) throw new Error(`nothing answers at ${url}`)
    await delay(POLL_MS)
  }
}

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void stop(signal === 'SIGHUP' ? 'SIGTERM' : signal))
  }
  const wanted = Number(process.env.PORT ?? 8000)
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535) {
    throw new Error(`PORT must be a port number, but is "${process.env.PORT}"`)
  }
  const a = await portOrOther(8080, 'Server A')
  const b = await portOrOther(8081, 'Server B')
  const port = await portOrOther(wanted, 'the balancer')

  start('be', ['-p', String(a), '-c', 'Server A'])
  start('be', ['-p', String(b), '-c', 'Server B'])
  await Promise.all([untilReady(`http://127.0.0.1:${a}/health`), untilReady(`http://127.0.0.1:${b}/health`)])
  const backends = [`127.0.0.1:${a}`, `127.0.0.1:${b}`]
  start('lb', ['-p', String(port), '-b', ...backends, '--health-check-url', '/health'])
  await untilReady(`http://127.0.0.1:${port}/__lb/ready`)
  if (stoppingSinceMs !== undefined) return

  console.log(`
Two backends and the balancer are running. In another terminal:

  curl -i http://localhost:${port}/                 Server A or Server B answers
  curl http://localhost:${port}/__lb/stats          what the balancer knows
  http://localhost:${port}/__lb/                    the same in a browser, live
  curl -d '{"latency":500}' http://localhost:${a}/__be/set        make Server A slow
  curl -d '{"healthStatus":503}' http://localhost:${a}/__be/set   make its health checks fail

Ctrl-C stops everything.
`)
}

main().catch((error) => {
  console.error(`demo: ${(error as Error).message}`)
  process.exitCode = 1
  void stop('SIGTERM')
})
