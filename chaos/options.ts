import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'

import { projectRoot } from '../bench/project.js'
import { faults } from './faults.js'
import { peers } from './peers/index.js'
import { quickPhases, type Timing, wholePhases } from './phases.js'

/** What the command line asks for. */
export interface Options {
  only: string[]
  faults: string[]
  connections: number
  /** Requests per second of an open loop; undefined is a closed loop. */
  rate: number | undefined
  timing: Timing
  check: boolean
  jsonFile: string
  htmlFile: string
}

interface Flags {
  only: string[]
  faults: string[]
  connections: number
  rate?: number
  check?: true
  quick?: true
  json: string
  html: string
}

const mostConnections = 2000
const highestRate = 20_000

/** Reads the arguments; prints the help or what is wrong with them, and exits, where that is called for. */
export function readOptions(argv: string[]): Options {
  const command = describe()
  command.parse(argv, { from: 'user' })
  const flags = command.opts<Flags>()
  if (flags.check && flags.quick) command.error('error: --check needs whole phases, so leave out --quick')
  return {
    only: flags.only,
    faults: flags.faults,
    connections: flags.connections,
    rate: flags.rate,
    timing: flags.quick ? quickPhases : wholePhases,
    check: flags.check ?? false,
    jsonFile: path.resolve(projectRoot, flags.json),
    htmlFile: path.resolve(projectRoot, flags.html)
  }
}

function describe(): Command {
  const peerNames = peers.map(({ name }) => name)
  const faultNames = faults.map(({ name }) => name)
  return new Command('npm run chaos --')
    .description(
      'Breaks backends behind Fairlead and its peers in turn, and shows what their clients notice.'
    )
    .option('--only <list>', `proxies, of ${peerNames.join(', ')}`, listOf('proxies', peerNames), peerNames)
    .option(
      '--faults <list>',
      `faults, of ${faultNames.join(', ')}`,
      listOf('faults', faultNames),
      faultNames
    )
    .option('--connections <count>', 'client connections', wholeNumberUpTo(mostConnections), 32)
    .option(
      '--rate <count>',
      'requests per second, whether or not earlier ones were answered (default: each connection asks again as soon ' +
        'as it has an answer)',
      wholeNumberUpTo(highestRate)
    )
    .option('--quick', 'short phases: they show that everything works, not how well')
    .option('--check', 'exit 1 if Fairlead misses a target')
    .option('--json <file>', 'where the figures go', 'chaos/results/latest.json')
    .option('--html <file>', 'where the plots go', 'chaos/results/latest.html')
}

function listOf(what: string, known: string[]): (text: string) => string[] {
  return (text) => {
    const names = text.split(',').map((name) => name.trim())
    const unknown = names.find((name) => !known.includes(name))
    if (unknown !== undefined) throw new InvalidArgumentError(`The ${what} are ${known.join(', ')}.`)
    return names
  }
}

/** A whole number from 1 to `most`. */
export function wholeNumberUpTo(most: number): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d*$/.test(text) || Number(text) > most)
      throw new InvalidArgumentError(`Write a whole number from 1 to ${most}.`)
    return Number(text)
  }
}
