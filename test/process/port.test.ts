import type { Test } from 'tap'
import { freePort, isPortFree } from '../../scenarios/processes.js'
import { test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import type { Env } from '../support/processes.js'

const BACKENDS = { LB_BACKENDS: '127.0.0.1:1' }

interface Case {
  readonly what: string
  readonly start: (t: Test, args: readonly string[], env: Env) => Child
  readonly args?: (port: string) => string[]
  readonly env?: (port: string) => Env
}

/** A port that is to lose against the other. */
const OTHER = '1'
const CASES: Case[] = [
  { what: 'lb: PORT', start: lb, env: (PORT) => ({ PORT }) },
  { what: 'lb: FASTIFY_PORT before PORT', start: lb, env: (FASTIFY_PORT) => ({ FASTIFY_PORT, PORT: OTHER }) },
  {
    what: 'lb: -p before both',
    start: lb,
    args: (port) => ['-p', port],
    env: () => ({ FASTIFY_PORT: OTHER, PORT: OTHER })
  },
  { what: 'fastify start: PORT', start: fastifyStart, env: (PORT) => ({ PORT }) },
  {
    what: 'fastify start: FASTIFY_PORT before PORT',
    start: fastifyStart,
    env: (FASTIFY_PORT) => ({ FASTIFY_PORT, PORT: OTHER })
  },
  {
    what: 'fastify start: -p before both',
    start: fastifyStart,
    args: (port) => ['-p', port],
    env: () => ({ FASTIFY_PORT: OTHER, PORT: OTHER })
  }
]

for (const { what, start, args, env } of CASES) {
  test(`the port is that of ${what}`, async (t) => {
    const port = await freePort()
    const child = start(t, args?.(`${port}`) ?? [], { ...BACKENDS, ...env?.(`${port}`) })
    t.equal(await child.listening(), port)
    const { status } = await fetch(`http://127.0.0.1:${port}/__lb/live`)
    t.equal(status, 200)
    t.ok(child.log.length >= 2, 'every line of the log is JSON')
    for (const { level, time, msg } of child.log) {
      t.same([typeof level, typeof time, typeof msg], ['number', 'number', 'string'])
    }
    child.kill('SIGTERM')
    t.equal(await child.untilEnded(), 0)
  })
}

test('port 0 lets the system choose', async (t) => {
  const children = [lb(t, [], { ...BACKENDS, PORT: '0' }), fastifyStart(t, [], { ...BACKENDS, PORT: '0' })]
  for (const child of children) t.ok((await child.listening()) > 1024)
})

test('the port is 80 where none is given', async (t) => {
  const children = process.getuid?.() === 0 && (await isPortFree(80)) ? [lb, fastifyStart] : []
  if (children.length === 0) t.comment('port 80 is not to be had here')
  for (const start of children) {
    const child = start(t, [], BACKENDS)
    t.equal(await child.listening(), 80)
    child.kill('SIGTERM')
    await child.untilEnded()
  }
})

test('a port in use: one line says so, and the process ends with 1', async (t) => {
  const port = `${await lb(t, ['-p', '0'], BACKENDS).listening()}`
  const args = ['-p', port]
  for (const child of [lb(t, args, BACKENDS), fastifyStart(t, args, BACKENDS)]) {
    t.equal(await child.untilEnded(), 1)
    const lines = child.output.split('\n').filter((line) => line.includes('EADDRINUSE'))
    t.equal(lines.length, 1)
    t.match(lines[0], `address already in use :::${port}`)
  }
})
