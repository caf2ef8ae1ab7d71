import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Children } from '../children'
import { requireCommand } from '../commands'
import { freePorts } from '../loopback'
import { fairlead, routed } from '../peers/fairlead'
import { startBackends, startPeer } from '../start'
import { markdownTable } from '../table'
import { runWrk } from '../wrk'
import { type CpuProfile, timeByPart } from './cpu-profile'

const WARM_UP_SECONDS = 2
const usNow = () => Number(process.hrtime.bigint() / 1000n)

/** Prints where the processor's time of a request goes, by V8's sampling profiler, which adds some of its own. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '5' },
      routed: { type: 'boolean', default: false },
      close: { type: 'boolean', default: false }
    }
  })
  const [connections, seconds] = [Number(values.connections), Number(values.seconds)]
  if (!(connections > 0 && seconds > 0)) throw new Error('--connections and --seconds are numbers above 0')
  const children = new Children(requireCommand('taskset'))
  const wrk = requireCommand('wrk')
  const peer = values.routed ? routed : fairlead
  const { addresses } = await startBackends(children)
  const [port] = await freePorts(1)
  const profiled = {
    ...peer,
    launch: (...args: Parameters<typeof peer.launch>) => {
      const launch = peer.launch(...args)
      return { ...launch, args: ['--cpu-prof', `--cpu-prof-dir=${children.folder}`, ...launch.args] }
    }
  }
  const place = { port: port!, backends: addresses, connections }
  const child = await startPeer(children, profiled, peer.find()!, place)
  const load = { url: `http://127.0.0.1:${port}/33`, connections, close: values.close }
  await runWrk(children, wrk, { ...load, seconds: WARM_UP_SECONDS })
  const fromUs = usNow()
  const { requests } = await runWrk(children, wrk, { ...load, seconds })
  const toUs = usNow()
  await children.stop(child)
  const file = readdirSync(children.folder).find((name) => name.endsWith('.cpuprofile'))
  if (!file) throw new Error(`There is no profile: ${child.output()}`)
  const profile = JSON.parse(readFileSync(path.join(children.folder, file), 'utf8')) as CpuProfile
  console.log(table(timeByPart(profile, fromUs, toUs), requests))
}

function table(times: ReadonlyMap<string, number>, requests: number): string {
  const totalUs = [...times.values()].reduce((sum, us) => sum + us, 0)
  const rows = [...times, ['all of it', totalUs] as const].sort(([, a], [, b]) => b - a)
  return markdownTable(
    ['part', 'µs/request', 'share'],
    rows.map(([part, us]) => [part, (us / requests).toFixed(1), `${((100 * us) / totalUs).toFixed(1)} %`])
  )
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(error.message)
    process.exit(1)
  }
)
