import { ALL_REQUESTS, NO_FILTERS } from '../lib/routing/catch-all'
import type { RouteOptions } from '../lib/routing/options'
import { RouteTable } from '../lib/routing/route-table'
import type { RoutedRequest } from '../lib/routing/routed-request'
import { markdownTable } from './table'
import { describeVerdict, type Verdict } from './targets'

const PREFIXES_PER_HOST = 10
const LONGEST_TARGET = 8192

/** How much is measured. */
export interface MatchingSizes {
  /** A round. */
  readonly requests: number
  readonly rounds: number
  readonly warmUpRounds: number
}

const SIZES: MatchingSizes = { requests: 512, rounds: 301, warmUpRounds: 200 }

/** A table, and the kind of requests that it is asked for. */
interface Subject {
  readonly hosts: number
  readonly table: RouteTable
  readonly pathOf: (prefix: number, item: number) => string
}

/** What a median is of, in nanoseconds per match. */
interface Medians {
  readonly few: number
  readonly many: number
}

const plain = (prefix: number, item: number) => `/service-${prefix}/items/${item}?page=2&of=10`
const ambiguous = (prefix: number, item: number) => `/service-${prefix}/items/${item}%2Fpart?page=2&of=10`

/** Prints what it takes to match a request, and whether that is as promised. @returns whether it is */
export function benchMatching(sizes = SIZES, print: (text: string) => void = console.log): boolean {
  const few = medians(plain, sizes)
  const read = medians(ambiguous, sizes)
  const cells = (kind: string, { few, many }: Medians) => [
    kind,
    `${few} ns`,
    `${many} ns`,
    (many / few).toFixed(2)
  ]
  print(
    markdownTable(
      ['path', '10 routes, 1 host', '1,000 routes, 100 hosts', 'ratio'],
      [cells('of one reading', few), cells('with a %2F', read)]
    )
  )
  print(`\nThe longest of hostile targets (${LONGEST_TARGET} bytes): ${slowestUs(sizes)} µs\n`)
  const verdicts: Verdict[] = [
    {
      promise: 'A match among 1,000 routes, in nanoseconds: at most 1000',
      value: few.many,
      met: few.many <= 1000
    },
    { promise: 'Against one among 10: at most 2', value: few.many / few.few, met: few.many <= 2 * few.few }
  ]
  print(verdicts.map(describeVerdict).join('\n'))
  return verdicts.every(({ met }) => met)
}

/** Both tables in turn, so that a busy moment of the machine meets both. */
function medians(pathOf: Subject['pathOf'], { requests, rounds, warmUpRounds }: MatchingSizes): Medians {
  const few: Subject = { hosts: 1, table: tableOf(1), pathOf }
  const many: Subject = { hosts: 100, table: tableOf(100), pathOf }
  const times: [few: number, many: number][] = []
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const both: [number, number] = [nsPerMatch(few, requests), nsPerMatch(many, requests)]
    if (round >= warmUpRounds) times.push(both)
  }
  return { few: medianOf(times.map(([ns]) => ns)), many: medianOf(times.map(([, ns]) => ns)) }
}

function medianOf(values: readonly number[]): number {
  return Math.round(values.toSorted((one, other) => one - other)[values.length >> 1]!)
}

function nsPerMatch({ hosts, table, pathOf }: Subject, count: number): number {
  const requests = Array.from({ length: count }, (_, index) => {
    const host = (index * 7919) % hosts
    const prefix = (index * 104_729) % PREFIXES_PER_HOST
    return requestFor(`app${host}.example.com`, pathOf(prefix, index))
  })
  const started = process.hrtime.bigint()
  for (const request of requests)
    if (typeof table.match(request) === 'string') throw new Error(`${request.target} has no route`)
  return Number(process.hrtime.bigint() - started) / count
}

/** As they come from a socket: texts that nothing is known of yet. */
const received = (text: string) => Buffer.from(text, 'latin1').toString('latin1')

function requestFor(host: string, target: string): RoutedRequest {
  return {
    method: 'GET',
    target: received(target),
    host: received(host),
    headers: {},
    clientAddress: '192.0.2.1',
    localPort: 80,
    tlsName: undefined
  }
}

function tableOf(hosts: number): RouteTable {
  return new RouteTable(
    Array.from({ length: hosts * PREFIXES_PER_HOST }, (_, index) =>
      routeOf(
        `app${Math.floor(index / PREFIXES_PER_HOST)}.example.com`,
        `/service-${index % PREFIXES_PER_HOST}`
      )
    )
  )
}

function routeOf(host: string, prefix: string): RouteOptions {
  return {
    name: `${host}${prefix}`,
    match: { ...ALL_REQUESTS, hosts: [host], paths: [{ kind: 'prefix', path: prefix }] },
    paths: 'strict',
    action: { kind: 'pool', pool: 'web' },
    filters: NO_FILTERS
  }
}

const HOSTILE = [
  '/',
  '//a',
  '/a/..',
  '%2e%2f',
  '%252e%252f',
  ';a=b/',
  '\\a',
  'x;y%2Fz//',
  '/a;b/../%2e.%2f%252e%255c//\\'
]

/** The median of the hostile target that takes longest. */
function slowestUs({ rounds }: MatchingSizes): number {
  const table = tableOf(100)
  return Math.max(
    ...HOSTILE.map((unit) => {
      const start = '/service-1/'
      const target = start + unit.repeat(Math.floor((LONGEST_TARGET - start.length) / unit.length))
      const times = Array.from({ length: rounds }, () => {
        const request = requestFor('app1.example.com', target)
        const started = process.hrtime.bigint()
        table.match(request)
        return Number(process.hrtime.bigint() - started) / 1000
      })
      return medianOf(times)
    })
  )
}
