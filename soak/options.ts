import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'

import { projectRoot } from '../bench/project.js'
import { wholeNumberUpTo } from '../chaos/options.js'

/** What the command line asks for. */
export interface Options {
  /** How long the load lasts. */
  minutes: number
  connections: number
  /** Of what goes wrong, and when. */
  seed: number
  jsonFile: string
}

interface Flags {
  minutes: number
  connections: number
  seed?: number
  json: string
}

const mostMinutes = 7 * 24 * 60
const mostConnections = 2000
const mostSeed = 2 ** 31 - 1

/** Reads the arguments; prints the help or what is wrong with them, and exits, where that is called for. */
export function readOptions(argv: string[]): Options {
  const command = new Command('npm run soak --')
    .description(
      'Keeps Fairlead under load while its backends break, and checks its memory and its counters.'
    )
    .option('--minutes <number>', 'how long, such as 0.5', minutes, 10)
    .option('--connections <count>', 'client connections', wholeNumberUpTo(mostConnections), 64)
    .option(
      '--seed <number>',
      'the same one breaks the same things (default: any)',
      wholeNumberUpTo(mostSeed)
    )
    .option('--json <file>', 'where the figures go', 'soak/results/latest.json')
    .parse(argv, { from: 'user' })
  const { json, seed = 1 + Math.floor(Math.random() * mostSeed), ...rest } = command.opts<Flags>()
  return { ...rest, seed, jsonFile: path.resolve(projectRoot, json) }
}

function minutes(text: string): number {
  const value = Number(text)
  if (!/^\d*\.?\d+$/.test(text) || value <= 0 || value > mostMinutes)
    throw new InvalidArgumentError(`Write a number above 0 and up to ${mostMinutes}.`)
  return value
}
