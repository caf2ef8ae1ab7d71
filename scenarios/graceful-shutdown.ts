import type { Answer, Client } from './client.js'
import { type BalancerUnderTest, type Harness, type Scenario, until } from './harness.js'

const LONG_MS = 60_000
const AT_ONCE_MS = 1500
const DRAIN_TIMEOUT_S = 0.5

/** On a signal, the balancer finishes the requests in flight and exits; on a second one it exits at once. */
export const gracefulShutdown: Scenario = {
  name: 'graceful-shutdown',
  summary: 'SIGTERM lets requests in flight end, a second one or the drain timeout cuts them',
  async run(harness) {
    await finishes(harness)
    await isForced(harness)
    await timesOut(harness)
  }
}

async function finishes(harness: Harness): Promise<void> {
  const { balancer, client, answer } = await withRequestInFlight(harness, harness.quick ? 1500 : 4000)
  // Open and idle when the signal comes: the only way to send it another request.
  await balancer.client.send('/__lb/ready')
  balancer.process.kill('SIGTERM')
  const seen = await refuses(balancer, client)
  harness.check(seen.refused, 'SIGTERM: new connections are refused while a request is in flight')
  harness.check(
    !seen.readyAgain,
    `it is not ready from then on: ${[...seen.answers].join(', ') || 'not reachable'}`,
    'ready was answered 200 after it had failed'
  )
  harness.check(balancer.process.running, 'it waits for the request in flight')
  const { status, headers, body } = await answer
  harness.check(
    status === 200 && body.length > 0 && headers.connection === 'close',
    'the request in flight is answered 200, whole, and its connection closed',
    `status ${status}, connection: ${headers.connection}, body: ${body}`
  )
  const exit = await exitWithin(balancer, AT_ONCE_MS)
  harness.check(exit === 'exit code 0', `then it ends: ${exit}`)
}

async function isForced(harness: Harness): Promise<void> {
  const { balancer, client, answer } = await withRequestInFlight(harness, LONG_MS)
  const lost = answer.then(
    () => false,
    () => true
  )
  balancer.process.kill('SIGTERM')
  await refuses(balancer, client)
  harness.check(balancer.process.running, 'with a long request in flight SIGTERM alone does not end it')
  balancer.process.kill('SIGTERM')
  const exit = await exitWithin(balancer, AT_ONCE_MS)
  harness.check(exit !== undefined, `a second SIGTERM does, at once: ${exit}`)
  harness.check(exit === undefined || (await lost), 'and cuts the request off')
}

async function timesOut(harness: Harness): Promise<void> {
  const env = { LB_DRAIN_TIMEOUT: String(DRAIN_TIMEOUT_S) }
  const { balancer, answer } = await withRequestInFlight(harness, LONG_MS, env)
  const lost = answer.then(
    () => false,
    () => true
  )
  balancer.process.kill('SIGTERM')
  const exit = await exitWithin(balancer, DRAIN_TIMEOUT_S * 1000 + AT_ONCE_MS)
  harness.check(
    exit === 'exit code 1',
    `after a drain timeout of ${DRAIN_TIMEOUT_S} s it ends all the same, and says so: ${exit}`
  )
  harness.check(exit === undefined || (await lost), 'and cuts the request off')
}

async function withRequestInFlight(harness: Harness, latencyMs: number, env: Record<string, string> = {}) {
  const backend = await harness.startBackend(['--latency', String(latencyMs)])
  const balancer = await harness.startBalancer([backend.address], env)
  const answer: Promise<Answer> = harness.client(balancer.port).send('/')
  // Handled where it is awaited; until then it may fail without notice.
  answer.catch(() => {})
  const there = await until(async () => (await balancer.stats()).requests.inFlight === 1, 5000)
  if (there === undefined) throw new Error('the request did not arrive')
  return { balancer, answer, client: harness.client(balancer.port) }
}

/** Asks over old and new connections whether it is ready, until connections are refused. */
async function refuses(balancer: BalancerUnderTest, fresh: Client) {
  const answers = new Set<string>()
  let readyAgain = false
  let refused = false
  const ask = async (client: Client) => {
    try {
      const { status } = await client.send('/__lb/ready')
      if (status === 200 && answers.has('503')) readyAgain = true
      answers.add(String(status))
    } catch (error) {
      refused ||= (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    }
  }
  await until(async () => {
    await Promise.all([ask(balancer.client), ask(fresh)])
    return refused
  }, AT_ONCE_MS)
  // Answered before the signal was seen.
  answers.delete('200')
  return { refused, readyAgain, answers }
}

async function exitWithin(balancer: BalancerUnderTest, limitMs: number): Promise<string | undefined> {
  await until(async () => !balancer.process.running, limitMs)
  if (balancer.process.running) return undefined
  const { code, signal } = await balancer.process.exited
  return signal ?? `exit code ${code}`
}
