import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'

import { peers } from './peers'
import { projectRoot } from './project'

/** One load: so many connections, each asking for bodies of so many bytes. */
export interface Setting {
  connections: number
  bodyBytes: number
}

/** What the command line asks for. */
export interface Options {
  settings: Setting[]
  only: string[]
  /** The folder of another checkout that runs as a peer, "before". */
  before: string | undefined
  rounds: number
  seconds: number
  warmUpSeconds: number
  pin: boolean
  jsonFile: string
  check: boolean
  /** Connections of the hold run, which then replaces the comparison. */
  hold: number | undefined
}

interface Flags {
  connections?: number[]
  body?: number[]
  only?: string[]
  before?: string
  rounds: number
  seconds: number
  warmUp: number
  pin?: true
  json: string
  check?: true
  hold?: true | number
}

const defaultHoldConnections = 2000
const defaultConnections = 64
const defaultBodyBytes = 33

/** Reads the arguments; prints the help or what is wrong with them, and exits, where that is called for. */
export function readOptions(argv: string[], checkSettings: Setting[], checkPeers: string[]): Options {
  const command = describe()
  command.parse(argv, { from: 'user' })
  const flags = command.opts<Flags>()
  const product = (flags.connections ?? [defaultConnections]).flatMap((connections) =>
    (flags.body ?? [defaultBodyBytes]).map((bodyBytes) => ({ connections, bodyBytes }))
  )
  return {
    settings: flags.check ? checkSettings : product,
    only: flags.only ?? (flags.check ? checkPeers : peers.map(({ name }) => name)),
    before: flags.before,
    rounds: flags.rounds,
    seconds: flags.seconds,
    warmUpSeconds: flags.warmUp,
    pin: flags.pin ?? false,
    jsonFile: path.resolve(projectRoot, flags.json),
    check: flags.check ?? false,
    hold: flags.hold === true ? defaultHoldConnections : flags.hold
  }
}

function describe(): Command {
  return new Command('npm run bench --')
    .description('Measures Fairlead and its peers in turn, with wrk, in front of the same backends.')
    .option(
      '--connections <list>',
      `client connections, e.g. 64,512,2000 (default: ${defaultConnections})`,
      listOf(positiveInteger)
    )
    .option(
      '--body <list>',
      `body sizes in bytes, or with k or m, e.g. 33,1k,100k,10m (default: ${defaultBodyBytes})`,
      listOf(parseBytes)
    )
    .option('--only <list>', 'the proxies to run, e.g. fairlead,nginx (default: all)', listOf(peerName))
    .option('--before <folder>', 'also run the Fairlead of another checkout, built, as "before"')
    .option('--rounds <count>', 'rounds; each runs every proxy once', positiveInteger, 3)
    .option('--seconds <seconds>', 'length of one run', positiveInteger, 3)
    .option('--warm-up <seconds>', 'load on each proxy before the first round', positiveInteger, 2)
    .option('--pin', 'proxies on CPU 0, wrk and the backends on CPU 1')
    .option('--json <file>', 'where the raw figures go', 'bench/results/latest.json')
    .option('--check', 'exit 1 if a target is missed (chooses settings and proxies itself)')
    .option(
      '--hold [connections]',
      `keep so many connections (${defaultHoldConnections}) to Fairlead busy and report its memory`,
      positiveInteger
    )
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

function peerName(text: string): string {
  const names = peers.map(({ name }) => name)
  if (!names.includes(text)) throw new InvalidArgumentError(`The proxies are ${names.join(', ')}.`)
  return text
}

function listOf<Item>(parse: (text: string) => Item): (text: string) => Item[] {
  return (text) => text.split(',').map((item) => parse(item.trim()))
}
