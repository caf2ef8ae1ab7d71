import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { LB, run } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** A file that is replaced in one step. */
function configIn(t: Test) {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-reload-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'lb.yml')
  const write = (content: object | string) => {
    writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content))
    renameSync(`${file}.new`, file)
  }
  return { file, write }
}

const messages = (child: Child, text: RegExp) => child.log.filter(({ msg }) => text.test(msg))

async function addressesOf(port: number): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${port}/__lb/stats`)
  const { backends } = (await response.json()) as { backends: { address: string }[] }
  return backends.map(({ address }) => address)
}

test('a file that changes is read again, under load and without a failed request', async (t) => {
  const backends = await Promise.all(Array.from({ length: 3 }, () => scripted(t, answering(OK))))
  const [a, b, c] = backends.map(({ address }) => address) as [string, string, string]
  const { file, write } = configIn(t)
  write({ port: 0, 'no-health-check': true, backends: [a, b] })
  const child = lb(t, [], { LB_CONFIG: file })
  const port = await child.listening()
  let stopped = false
  const statuses = new Set<number>()
  const workers = Array.from({ length: 8 }, async () => {
    const client = await RawClient.open(t, port)
    while (!stopped) {
      client.send(GET)
      statuses.add(statusOf(await client.response()))
    }
  })
  const lists = [[a, c], [{ address: a, weight: 5 }, b, c], [a], [b, c], [a, b]]
  // What else happens in the folder is nothing to it.
  writeFileSync(`${file}.log`, 'a line')
  for (const [index, list] of lists.entries()) {
    write({ port: 0, 'no-health-check': true, backends: list })
    await eventually(() => messages(child, /Backends were read again/).length === index + 1, 5000)
  }
  t.same((await addressesOf(port)).sort(), [a, b].sort())
  t.equal(messages(child, /read again/).length, lists.length)
  stopped = true
  await Promise.all(workers)
  t.same([...statuses], [200])
  t.ok(backends[2]!.requests.length > 0)
})

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: SIGHUP reads it again; what is wrong changes nothing, and what cannot be taken over is told`, async (t) => {
    const backends = await Promise.all([0, 1].map(() => scripted(t, answering(OK))))
    const [a, b] = backends.map(({ address }) => address)
    const { file, write } = configIn(t)
    write({ port: 0, 'no-health-check': true, backends: [a] })
    const child = start(t, [], { LB_CONFIG: file })
    const port = await child.listening()
    // The log tells of the port a moment before all is ready.
    t.same(await addressesOf(port), [a])
    child.kill('SIGHUP')
    await eventually(() => messages(child, /read again \(SIGHUP\): its backends are the same/).length === 1)
    write('backends: [nonsense]\nprot: 1')
    await eventually(
      () =>
        messages(child, /stays as it is \(a file has changed\): .*unknown setting "prot".*not a backend/)
          .length === 1,
      5000
    )
    t.same(await addressesOf(port), [a])
    write({ port: 0, 'no-health-check': true, 'max-connections': 7, backends: [a, b] })
    await eventually(
      () => messages(child, /Only the next start takes over LB_MAX_CONNECTIONS$/).length >= 1,
      5000
    )
    t.same(await addressesOf(port), [a, b])
    t.equal(statusOf(await exchange(t, port, GET)), 200)
  })
}

test('lb check prints what holds, or tells what is wrong', async (t) => {
  const { file, write } = configIn(t)
  write({ backends: ['a:80'], 'sticky-cookie': 'lb', 'sticky-secret': 'nobody is to see this' })
  const well = await run([LB, 'check', '--max-connections', '7'], { LB_CONFIG: file, LB_HEDGE: 'true' })
  t.equal(well.code, 0, well.stderr)
  const lines = well.stdout.split('\n')
  for (const line of [
    'LB_BACKENDS=a:80',
    'LB_MAX_CONNECTIONS=7',
    'LB_HEDGE=true',
    'LB_STICKY_SECRET=***',
    'LB_RETRIES=2'
  ])
    t.ok(lines.includes(line), line)
  const wrong = await run([LB, 'check', '-b', 'a'], {})
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, 'LB_BACKENDS "a": is not a backend address')
})
