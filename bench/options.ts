import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'

import { peers } from './peers'
import { projectRoot } from './project'
import type { Setting } from './setting'
import { workloads } from './workloads'

/** What the command line asks for. */
export interface Options {
  settings: Setting[]
  only: string[]
  /** The folder of another checkout that runs as a peer, "before". */
  before: string | undefined
  rounds: number
  seconds: number
  warmUpSeconds: number
  /** Requests a second of the open loop; half of what the slowest takes, if it is not said. */
  rate: number | undefined
  pin: boolean
  jsonFile: string
  check: boolean
  /** Numbers of idle connections of HTTP/2 with which memory is measured, if it is. */
  http2Idle: number[] | undefined
  /** Numbers of busy connections with which memory is measured, if it is. */
  memory: number[] | undefined
  /** Connections of the hold run, which then replaces the comparison. */
  hold: number | undefined
}

interface Flags {
  workload: string[]
  connections?: number[]
  streams?: number[]
  body?: number[]
  only?: string[]
  before?: string
  rounds: number
  seconds: number
  warmUp: number
  rate?: number
  pin?: true
  json: string
  check?: true
  hold?: true | number
}

const defaultHoldConnections = 2000
const defaultMemoryConnections = [64, 512]
const defaultIdleConnections = [2000]
const mostStreams = 100
const workloadNames: string[] = [...workloads.map(({ name }) => name), 'memory', 'http2-idle']

/** Reads the arguments; prints the help or what is wrong with them, and exits, where that is called for. */
export function readOptions(argv: string[], checkSettings: Setting[], checkPeers: string[]): Options {
  const command = describe()
  command.parse(argv, { from: 'user' })
  const flags = command.opts<Flags>()
  return {
    settings: flags.check ? checkSettings : settingsOf(flags),
    only: flags.only ?? (flags.check ? checkPeers : peers.map(({ name }) => name)),
    before: flags.before,
    rounds: flags.rounds,
    seconds: flags.seconds,
    warmUpSeconds: flags.warmUp,
    rate: flags.rate,
    pin: flags.pin ?? false,
    jsonFile: path.resolve(projectRoot, flags.json),
    check: flags.check ?? false,
    memory: connectionsOf(flags, 'memory', defaultMemoryConnections),
    http2Idle: connectionsOf(flags, 'http2-idle', defaultIdleConnections),
    hold: flags.hold === true ? defaultHoldConnections : flags.hold
  }
}

/** Of a workload that is measured beside the rounds; undefined if it is not. */
function connectionsOf(
  { check, workload, connections }: Flags,
  name: string,
  usual: number[]
): number[] | undefined {
  return !check && workload.includes(name) ? (connections ?? usual) : undefined
}

function settingsOf({ workload: names, connections, streams, body }: Flags): Setting[] {
  return workloads
    .filter(({ name }) => names.includes(name))
    .flatMap(({ name, tls, ...usual }) =>
      tls.flatMap((tls) =>
        (connections ?? usual.connections).flatMap((connections) =>
          (body ?? usual.bodyBytes).flatMap((bodyBytes): Setting[] => {
            const setting = { workload: name, connections, bodyBytes, tls }
            if (!usual.streams) return [setting]
            return (streams ?? usual.streams).map((streams) => ({ ...setting, streams }))
          })
        )
      )
    )
}

function describe(): Command {
  return new Command('npm run bench --')
    .description('Measures Fairlead and its peers in turn, in front of the same backends.')
    .option('--workload <list>', `what to measure: ${workloadNames.join(', ')}`, listOf(workloadName), [
      'keepalive'
    ])
    .option(
      '--connections <list>',
      'client connections, e.g. 64,512,2000 (default: those of the workload)',
      listOf(positiveInteger)
    )
    .option(
      '--streams <list>',
      'requests at once on each connection of HTTP/2, e.g. 1,16,100 (default: those of the workload)',
      listOf(streamCount)
    )
    .option(
      '--body <list>',
      `body sizes in bytes, or with k or m, e.g. 33,1k,100k,10m (default: those of the workload)`,
      listOf(parseBytes)
    )
    .option('--only <list>', 'the proxies to run, e.g. fairlead,nginx (default: all)', listOf(peerName))
    .option('--before <folder>', 'also run the Fairlead of another checkout, built, as "before"')
    .option('--rounds <count>', 'rounds; each runs every proxy once', positiveInteger, 3)
    .option('--seconds <seconds>', 'length of one run', positiveInteger, 3)
    .option('--warm-up <seconds>', 'load on each proxy before the first round', positiveInteger, 2)
    .option(
      '--rate <rate>',
      'requests a second of the open loop (default: half of what the slowest takes)',
      positiveInteger
    )
    .option('--pin', 'proxies on CPU 0, clients and backends on CPU 1')
    .option('--json <file>', 'where the raw figures go', 'bench/results/latest.json')
    .option('--check', 'exit 1 if a target is missed (chooses settings and proxies itself)')
    .option(
      '--hold [connections]',
      `keep so many connections (${defaultHoldConnections}) to Fairlead busy and report its memory`,
      positiveInteger
    )
    .addHelpText('after', '\nWith `matching` instead of options: the time to find the route of a request.')
}

/** A number of bytes such as `33`, `100k` or `10m`, with powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+)([km]?)$/i.exec(text)
  if (!match) throw new InvalidArgumentError('Write a number of bytes, such as 33, 100k or 10m.')
  const bytes = Number(match[1]) * { '': 1, k: 1024, m: 1024 ** 2 }[match[2]!.toLowerCase()]!
  if (bytes < 1 || bytes > 64 * 1024 ** 2) throw new InvalidArgumentError('Bodies have 1 byte to 64m.')
  return bytes
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1 up.')
  return Number(text)
}

/** Not more than every proxy allows on a connection. */
function streamCount(text: string): number {
  const count = positiveInteger(text)
  if (count > mostStreams) throw new InvalidArgumentError(`A connection has ${mostStreams} streams at most.`)
  return count
}

function workloadName(text: string): string {
  if (!workloadNames.includes(text))
    throw new InvalidArgumentError(`The workloads are ${workloadNames.join(', ')}.`)
  return text
}

function peerName(text: string): string {
  const names = peers.map(({ name }) => name)
  if (!names.includes(text)) throw new InvalidArgumentError(`The proxies are ${names.join(', ')}.`)
  return text
}

function listOf<Item>(parse: (text: string) => Item): (text: string) => Item[] {
  return (text) => text.split(',').map((item) => parse(item.trim()))
}
