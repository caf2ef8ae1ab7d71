#!/usr/bin/env node
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
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

/** A file that is removed at the end. */
function temporaryFile(name: string, content: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-demo-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
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
  const c = await portOrOther(8082, 'Server C')
  const port = await portOrOther(wanted, 'the balancer')

  for (const [name, at] of [
    ['Server A', a],
    ['Server B', b],
    ['Server C', c]
  ] as const)
    start('be', ['-p', String(at), '-c', name])
  await Promise.all([a, b, c].map((at) => untilReady(`http://127.0.0.1:${at}/health`)))
  const routes = `pools:
  web: { backends: ["127.0.0.1:${a}", "127.0.0.1:${b}"] }
  api: { backends: ["127.0.0.1:${c}"] }
routes:
  - { match: { path-prefix: /api }, pool: api }
  - { pool: web }
health-check: { url: /health }
`
  const file = temporaryFile('lb.yml', routes)
  start('lb', ['-p', String(port), '-c', file])
  await untilReady(`http://127.0.0.1:${port}/__lb/ready?pool=web&pool=api`)
  if (stoppingSinceMs !== undefined) return

  console.log(`
Two pools of backends and the balancer are running, as ${file} says:

${routes.replace(/^/gm, '  ').trimEnd()}

In another terminal:

  curl -i http://localhost:${port}/                 Server A or Server B answers
  curl http://localhost:${port}/api/                Server C answers
  curl http://localhost:${port}/__lb/stats          what the balancer knows
  http://localhost:${port}/__lb/                    the same in a browser, live
  npx lb explain GET /api/ --config ${file}   why a request goes where it goes
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
