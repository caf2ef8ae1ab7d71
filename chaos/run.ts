import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { Children } from '../bench/children.js'
import { type FoundPeer, requireOpenFiles } from '../bench/environment.js'
import { type Experiment, runExperiment, type Stage } from './experiment.js'
import { type Fault, faults } from './faults.js'
import { Fleet } from './fleet.js'
import { type Options, readOptions } from './options.js'
import { peers } from './peers/index.js'
import { page } from './plot.js'
import { describeFault } from './table.js'
import { describeVerdict, judge } from './targets.js'

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const { connections, rate, timing } = options
  if (process.platform !== 'linux')
    throw new Error('The faults need signals and a shared clock, and so Linux.')
  requireOpenFiles([{ connections }])
  const found = findPeers(options.only)
  if (found.length === 0) throw new Error('There is no proxy to run.')
  const chosen = faults.filter(({ name }) => options.faults.includes(name))
  const facts = factsOf(options, found)
  console.log(`${facts.map((fact) => `- ${fact}`).join('\n')}\n`)
  const stage = { children: new Children(), fleet: await Fleet.start(), timing, connections, rate }
  const experiments: Experiment[] = []
  for (const fault of chosen) {
    experiments.push(...(await runFault(stage, found, fault)))
    // What is there already outlives whatever ends the run.
    save(options.jsonFile, `${JSON.stringify({ facts, connections, rate, timing, experiments }, null, 1)}\n`)
    save(options.htmlFile, page(chosen, experiments, facts))
  }
  await stage.fleet.stop()
  progress(`written: ${relative(options.jsonFile)}, ${relative(options.htmlFile)}`)
  if (experiments.length < chosen.length * found.length) process.exitCode = 1
  if (!options.check) return
  const verdicts = judge(experiments)
  console.log(verdicts.map(describeVerdict).join('\n'))
  if (verdicts.some(({ met }) => !met)) process.exitCode = 1
}

/** One that goes wrong is told of, and left out. */
async function runFault(stage: Stage, found: FoundPeer[], fault: Fault): Promise<Experiment[]> {
  const experiments: Experiment[] = []
  for (const candidate of found) {
    progress(`${fault.name}: ${candidate.peer.name}`)
    try {
      experiments.push(await runExperiment(stage, candidate, fault))
    } catch (error) {
      progress(`${fault.name}: ${candidate.peer.name}: ${(error as Error).message}`)
    }
  }
  console.log(`${describeFault(fault, experiments)}\n`)
  return experiments
}

function findPeers(only: string[]): FoundPeer[] {
  const found: FoundPeer[] = []
  for (const peer of peers.filter(({ name }) => only.includes(name))) {
    const program = peer.find()
    if (program) found.push({ peer, program })
    else progress(`${peer.name}: not installed, skipped`)
  }
  return found
}

function factsOf({ connections, rate }: Options, found: FoundPeer[]): string[] {
  const load = rate === undefined ? 'each asks again at once' : `${rate} requests/s`
  return [
    `${new Date().toISOString()}, Node ${process.version}, ${os.type()} ${os.release()}`,
    `${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? 'unknown'}, load before the start ${os.loadavg()[0]!.toFixed(2)}`,
    `${connections} client connections, ${load}`,
    found.map(({ peer, program }) => `${peer.name} ${peer.version(program)}`).join(', ')
  ]
}

function save(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function relative(file: string): string {
  return path.relative('', file)
}

// On stderr, so that stdout can go into a document as it is.
function progress(line: string): void {
  console.error(line)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
