import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { makeCertificate } from './certificate'
import { Children } from './children'
import { direct } from './columns'
import { requireCommand } from './commands'
import {
  affordableConnections,
  describeEnvironment,
  type FoundPeer,
  readEnvironment,
  requireOpenFiles
} from './environment'
import type { SettingResult } from './figures'
import { describeHold, heldAll, hold } from './hold'
import { describeIdleHttp2, measureIdleHttp2 } from './idle-http2'
import { benchMatching } from './matching'
import { describeMemory, measureMemory } from './memory'
import { type Options, readOptions } from './options'
import { peers } from './peers'
import { fairlead, fairleadBefore } from './peers/fairlead'
import type { Peer } from './peers/peer'
import { type Bench, measureSetting } from './rounds'
import { describeResult } from './table'
import { describeVerdict, judge, targetPeers, targetSettings } from './targets'

const idleConnections = 5000

async function main(): Promise<void> {
  if (process.argv[2] === 'matching') {
    if (!benchMatching()) process.exitCode = 1
    return
  }
  const options = readOptions(process.argv.slice(2), targetSettings, targetPeers)
  if (process.platform !== 'linux') throw new Error('The bench reads /proc and so needs Linux.')
  const wrk = requireCommand('wrk')
  const children = new Children(options.pin ? requireCommand('taskset') : undefined)
  const { hold: connections } = options
  if (connections !== undefined) await runHold(children, wrk, connections, options.seconds)
  else {
    const certificate =
      options.http2Idle || options.settings.some(({ tls }) => tls)
        ? makeCertificate(requireCommand('openssl'), children.folder)
        : undefined
    await runComparison({ children, wrk, certificate, found: findPeers(peersOf(options)), options, progress })
  }
}

async function runHold(children: Children, wrk: string, connections: number, seconds: number): Promise<void> {
  requireOpenFiles([{ connections }])
  const [found] = findPeers([fairlead])
  if (!found) throw new Error('There is no Fairlead to run.')
  const result = await hold(children, wrk, found.program, connections, seconds)
  console.log(describeHold(result))
  if (!heldAll(result)) process.exitCode = 1
}

async function runComparison(bench: Bench): Promise<void> {
  const { found, options } = bench
  const held = [...(options.memory ?? []), ...(options.http2Idle ?? [])]
  requireOpenFiles([...options.settings, ...held.map((connections) => ({ connections }))])
  if (found.length === 0) throw new Error('There is no proxy to run.')
  const isOverHttp2 = options.http2Idle || options.settings.some(({ streams }) => streams !== undefined)
  const h2load = isOverHttp2 ? requireCommand('h2load') : undefined
  const environment = readEnvironment(bench.wrk, h2load, found, options.pin)
  console.log(`${describeEnvironment(environment)}\n`)
  const results: SettingResult[] = []
  for (const setting of options.settings) {
    const result = await measureSetting(bench, setting)
    results.push(result)
    console.log(`${describeResult(result, [direct, ...found.map(({ peer }) => peer.name)])}\n`)
  }
  const memory =
    options.memory && (await measureMemory(bench, options.memory, affordableConnections(idleConnections)))
  if (memory) console.log(`${describeMemory(memory)}\n`)
  const http2Idle = options.http2Idle && (await measureIdleHttp2(bench, options.http2Idle))
  if (http2Idle) console.log(`${describeIdleHttp2(http2Idle)}\n`)
  const verdicts = options.check ? judge(results) : []
  if (options.check) console.log(verdicts.map(describeVerdict).join('\n'))
  if (verdicts.some(({ met }) => !met)) process.exitCode = 1
  saveJson(options, { environment, results, memory, http2Idle, verdicts })
}

function peersOf({ only, before }: Options): Peer[] {
  const chosen = peers.filter(({ name }) => only.includes(name))
  return before === undefined ? chosen : [fairleadBefore(before), ...chosen]
}

function findPeers(wanted: Peer[]): FoundPeer[] {
  const found: FoundPeer[] = []
  for (const peer of wanted) {
    const program = peer.find()
    if (program) found.push({ peer, program })
    else console.error(`${peer.name}: not installed, skipped`)
  }
  return found
}

function saveJson({ jsonFile, rounds, seconds, warmUpSeconds }: Options, content: object): void {
  mkdirSync(path.dirname(jsonFile), { recursive: true })
  writeFileSync(jsonFile, `${JSON.stringify({ rounds, seconds, warmUpSeconds, ...content }, null, 2)}\n`)
  progress(`raw figures of every round: ${path.relative('', jsonFile)}`)
}

// On stderr, so that stdout can go into a document as it is.
function progress(line: string): void {
  console.error(line)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
