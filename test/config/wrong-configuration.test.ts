import t, { type Test } from 'tap'
import { loadConfig } from '../../lib/config/load.js'
import { describeVariables } from '../../lib/config/schema.js'
import { type Ended, FASTIFY, LB, run } from '../support/processes.js'
import { runInProcess } from '../support/run-in-process.js'
import { type Case, THROUGH_FASTIFY, THROUGH_LB } from './wrong-values.js'

const valueFlags = describeVariables().filter(({ info }) => info.flags?.includes('<'))
/** What is wrong where almost any text is right. */
const WRONG: Readonly<Record<string, string>> = {
  LB_HEALTH_CHECK_HOST: 'a b',
  LB_HEALTH_CHECK_BODY: '/(/',
  LB_METHODS: 'a@b',
  LB_STICKY_COOKIE: 'a b',
  LB_STICKY_DOMAIN: 'a:80',
  LB_ADMIN_HOSTS: 'a:80',
  LB_KUBECONFIG: 'nonsense/',
  LB_STATE_FILE: 'nonsense/',
  LB_ZONE: 'a b',
  LB_PID_FILE: 'nonsense/',
  LB_ACCESS_LOG_FILE: '/no/such/file'
}
const EVERY_FLAG_WRONG: Case = [
  valueFlags.flatMap(({ name, info }) => [/--[a-z0-9-]+/.exec(info.flags!)![0], WRONG[name] ?? 'nonsense']),
  ...valueFlags.map(({ name }) =>
    name === 'LB_BACKENDS'
      ? `${name} "nonsense": is`
      : name === 'LB_CONFIG'
        ? 'LB_CONFIG: nonsense cannot be read'
        : `${name} must`
  )
]

/** One in so many is tried as a process, as they all go the same way. */
const PROCESS_EACH = 40
const EACH_THROUGH_FASTIFY = 7

const STACK_TRACE = /^\s+at |node:internal|node_modules/m

const isFlags = (given: Case[0]): given is readonly string[] => Array.isArray(given)

/** Starts a balancer that would listen on a port of the system's choice, were it ever to listen. */
function start(command: readonly string[], given: Case[0]): Promise<Ended> {
  return isFlags(given)
    ? run([...command, ...given], { PORT: '0' })
    : run(command, { ...('FASTIFY_PORT' in given ? {} : { PORT: '0' }), ...given })
}

function thrownBy(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  return new Error('nothing is wrong')
}

function refuses(t: Test, command: readonly string[], [given, ...said]: Case): void {
  t.test(JSON.stringify(given), { buffered: true }, async (t) => {
    const { code, stdout, stderr } = await start(command, given)
    t.equal(code, 1, 'exits 1')
    for (const message of said) t.ok(stderr.includes(message), message, { stderr })
    t.notMatch(stderr + stdout, STACK_TRACE, 'without a stack trace')
    t.equal(stdout, '', 'nothing on standard output')
  })
}

t.jobs = 4

t.test('each is told by its name', async (t) => {
  for (const [given, ...said] of [...THROUGH_LB, ...THROUGH_FASTIFY]) {
    if (isFlags(given)) continue
    const error = thrownBy(() => loadConfig({ ...('FASTIFY_PORT' in given ? {} : { PORT: '0' }), ...given }))
    const { message, stack } = error
    for (const text of said) t.ok(message.includes(text), text, { given, message })
    t.match(error, { code: 'LB_BAD_CONFIG' })
    t.equal(stack, message, 'without a stack trace, whoever prints it')
  }
})

t.test('lb refuses', { jobs: 4 }, async (t) => {
  const processes = THROUGH_LB.filter((_, index) => index % PROCESS_EACH === 0)
  for (const wrong of [...processes, EVERY_FLAG_WRONG]) refuses(t, [LB], wrong)
})

t.test('flags are refused by their names', async (t) => {
  for (const [given, ...said] of THROUGH_LB) {
    if (!isFlags(given)) continue
    const { code, stdout, stderr } = await runInProcess(given, { PORT: '0' })
    t.same([code, stdout], [1, ''], `${given}`)
    for (const message of said) t.ok(stderr.includes(message), message, { stderr })
    t.notMatch(stderr, STACK_TRACE, 'without a stack trace')
  }
})

t.test('fastify start app refuses', { jobs: 4 }, async (t) => {
  const processes = THROUGH_FASTIFY.filter((_, index) => index % EACH_THROUGH_FASTIFY === 1)
  for (const wrong of processes) refuses(t, [FASTIFY, 'start', 'app'], wrong)
})

t.test('every variable has a wrong value in the list', async (t) => {
  const given = new Set([...THROUGH_LB, ...THROUGH_FASTIFY].flatMap(([given]) => Object.keys(given)))
  for (const { name } of describeVariables()) t.ok(given.has(name), name)
})
