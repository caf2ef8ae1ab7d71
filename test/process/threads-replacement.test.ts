import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { eventually, sleep, test } from '../helper.js'
import { lb } from '../support/child.js'
import { backend, clientsOfAll, started } from '../support/threads.js'

test('a thread that starts after a reload takes over what the others did, and no more', async (t) => {
  const [a, b] = [await backend(t, 'a'), await backend(t, 'b')]
  const file = path.join(t.testdir({}), 'lb.yaml')
  const pool = ({ address }: { readonly address: string }) => ({ backends: [address] })
  const write = (name: string, more = {}) =>
    writeFileSync(
      file,
      JSON.stringify({
        pools: { a: pool(a), b: pool(b) },
        routes: [{ match: { 'path-prefix': '/' }, pool: name }],
        ...more
      })
    )
  write('a')
  const { child, port, stats, fault } = await started(t, [], { LB_CONFIG: file })
  write('b', { 'max-target-length': 16 })
  child.kill('SIGHUP')
  await child.untilPrinted(/Only the next start takes over LB_MAX_TARGET_LENGTH/)
  fault('1 die')
  await eventually(() => child.output.split('Thread 2 of 2 accepts connections too').length === 3)
  const clients = await clientsOfAll(t, port, stats, 8)
  const long = `/${'a'.repeat(32)}/0`
  t.same(
    await Promise.all(clients.map(async (client) => [await client.get(long), client.body])),
    clients.map(() => [200, 'b'])
  )
})

test('SIGHUP reloads as soon as the first thread listens', async (t) => {
  const only = await backend(t)
  const child = lb(t, [], { PORT: '0', LB_BACKENDS: only.address, LB_THREADS: '3' })
  await child.listening()
  // It is said just before.
  await sleep(50)
  child.kill('SIGHUP')
  await child.untilPrinted(/The configuration was read again \(SIGHUP\)/)
  await child.untilPrinted(/Thread 3 of 3 accepts connections too/)
})
