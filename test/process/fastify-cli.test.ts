import { test } from '../helper.js'
import { Child, fastifyStart } from '../support/child.js'
import { FASTIFY } from '../support/processes.js'

const PRINTED = [
  { command: 'print-routes', shows: '└── / (GET' },
  { command: 'print-plugins', shows: 'least-connections' }
]

for (const { command, shows } of PRINTED) {
  test(`fastify ${command} app shows what is there`, async (t) => {
    const child = new Child(t, [FASTIFY, command, 'app'], { LB_BACKENDS: '127.0.0.1:1' })
    t.equal(await child.untilEnded(), 0, child.output)
    t.match(child.output, shows)
  })
}

test('a prefix for the whole app is refused with its reason', async (t) => {
  const child = fastifyStart(t, ['-x', '/prefix', '-p', '0'], { LB_BACKENDS: '127.0.0.1:1' })
  t.not(await child.untilEnded(), 0)
  t.match(child.output, 'A prefix (-x) would leave all other paths without an answer')
})
