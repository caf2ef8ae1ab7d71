import type { Account } from '../chaos/fleet.js'
import type { Outcome, Tally } from '../chaos/load/samples.js'
import type { Statistics } from '../lib/observe/statistics.js'

/** The counts of the balancer, the clients and the backends. */
export interface CountSnapshots {
  /** The balancer's statistics before the load, and when its last request had ended. */
  before: Statistics
  after: Statistics
  /** What the clients saw. */
  clients: Tally
  /** The backends' own counts at the same two moments. */
  backendsBefore: Account[]
  backendsAfter: Account[]
}

/** One condition that must hold. */
export interface Check {
  name: string
  holds: boolean
  /** The figures that it was judged by. */
  figures: string
}

/** Compares the counts with each other. */
export function reconcile(counts: CountSnapshots): Check[] {
  return [...checkClients(counts), ...checkBackends(counts), ...checkGauges(counts.after)]
}

/** Clients got the answers that the balancer counted; one that timed out may have been answered, or not. */
function checkClients({ before, after, clients }: CountSnapshots): Check[] {
  const of = (outcome: Outcome) => clients[outcome] ?? 0
  const sent = Object.values(clients).reduce((sum, count) => sum + count, 0) - of('refused')
  const gaveUp = of('timed out')
  const rejected = ({ requests }: Statistics) => {
    const { overload, noBackend, queueFull, queueTimeout, outageTimeout } = requests.rejected
    return requests.failed + overload + noBackend + queueFull + queueTimeout + outageTimeout
  }
  const sum = (figure: (backend: Statistics['backends'][number]) => number) =>
    sumOf(after.backends, figure) - sumOf(before.backends, figure)
  const repeated = sum(({ retries }) => retries) + sum(({ hedges }) => hedges)
  return [
    equal('requests', sent, after.requests.total - before.requests.total),
    within(
      'answers of 2xx',
      sum(({ responses }) => responses['2xx']),
      of('ok') + of('cut'),
      gaveUp
    ),
    within(
      'answers of 5xx by backends',
      sum(({ responses }) => responses['5xx']),
      of('backend 5xx'),
      repeated
    ),
    within('answers of 5xx by the balancer', rejected(after) - rejected(before), of('balancer 5xx'), gaveUp),
    equal('answers that nobody can have given', of('wrong answer') + of('other status'), 0)
  ]
}

/**
 * Each backend got the requests that the balancer counted, except those that did not arrive: failed attempts, and those
 * abandoned for another backend's answer, or by a client. Each answer of a backend was counted unless its request was
 * abandoned.
 */
function checkBackends({ before, after, clients, backendsBefore, backendsAfter }: CountSnapshots): Check[] {
  const hedges =
    sumOf(after.backends, ({ hedges }) => hedges) - sumOf(before.backends, ({ hedges }) => hedges)
  const left = hedges + (clients['timed out'] ?? 0)
  const figures = after.backends.map((now, index) => {
    const then = before.backends[index]!
    const [from, to] = [backendsBefore[index]!, backendsAfter[index]!]
    return {
      given: now.total - then.total,
      arrived: to.arrived - from.arrived,
      good: to.ok + to.broken - from.ok - from.broken,
      counted2xx: now.responses['2xx'] - then.responses['2xx'],
      bad: to.error - from.error,
      counted5xx: now.responses['5xx'] - then.responses['5xx'],
      missing: now.failed - then.failed + left
    }
  })
  const lost = sumOf(figures, ({ given, arrived }) => given - arrived)
  const mayBeLost = sumOf(figures, ({ missing }) => missing - left) + left
  return [
    ...figures.flatMap(({ given, arrived, good, counted2xx, bad, counted5xx, missing }, index) => [
      within(`backend ${index}: given`, given, arrived, missing),
      within(`backend ${index}: 2xx`, good, counted2xx, missing),
      within(`backend ${index}: 5xx`, bad, counted5xx, missing)
    ]),
    within('attempts that did not arrive', lost, 0, mayBeLost)
  ]
}

/** Without clients nothing is in progress. */
function checkGauges({ requests, backends }: Statistics): Check[] {
  const { inFlight, queued, retrying, tunnels } = requests
  const gauges = { inFlight, queued, retrying, tunnels, active: sumOf(backends, ({ active }) => active) }
  return Object.entries(gauges).map(([name, value]) => equal(`${name} at the end`, value, 0))
}

function equal(name: string, one: number, other: number): Check {
  return { name, holds: one === other, figures: one === other ? String(one) : `${one} is not ${other}` }
}

/** Whether a figure is at least `least`, and at most `slack` more. */
function within(name: string, figure: number, least: number, slack: number): Check {
  const holds = figure >= least && figure <= least + slack
  return { name, holds, figures: `${figure}, of ${least} to ${least + slack}` }
}

function sumOf<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0)
}
