/** What V8's sampling profiler writes (`node --cpu-prof`), as far as it is read here. Times are in microseconds. */
export interface CpuProfile {
  nodes: readonly ProfileNode[]
  /** By the monotonic clock. */
  startTime: number
  /** The id of the node that ran, sample by sample. */
  samples: readonly number[]
  /** The time since the sample before. */
  timeDeltas: readonly number[]
}

interface ProfileNode {
  id: number
  callFrame: { functionName: string; url: string }
  children?: readonly number[]
}

const WRITES = /^(write|writev|shutdown)/
const OWN = /\/dist\/(?:(lib)\/([^/]+)|(plugins|routes))\//
const PACKAGE = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//
const NODE_SOCKETS = /^node:(net|events|internal\/(streams|stream_base_commons|streams_base))/

/**
 * Where the time between two moments was spent, in microseconds by part: a room of `lib/`, a package, a part of Node. What
 * has no source of its own counts for its caller, except for writing and for collecting garbage.
 */
export function timeByPart(profile: CpuProfile, fromUs: number, toUs: number): Map<string, number> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map<number, number>()
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id)
  const parts = new Map<number, string>()
  const partOf = (id: number): string => {
    const known = parts.get(id)
    if (known !== undefined) return known
    const parent = parents.get(id)
    const part = ownPart(nodes.get(id)!) ?? (parent === undefined ? 'other' : partOf(parent))
    parts.set(id, part)
    return part
  }
  const times = new Map<string, number>()
  let atUs = profile.startTime
  for (const [i, id] of profile.samples.entries()) {
    const tookUs = profile.timeDeltas[i]!
    atUs += tookUs
    if (atUs < fromUs || atUs > toUs) continue
    const part = partOf(id)
    if (part !== IDLE) times.set(part, (times.get(part) ?? 0) + tookUs)
  }
  return times
}

const IDLE = 'idle'

/** The part that a function belongs to by itself; undefined if that is its caller's. */
function ownPart({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === '(idle)') return IDLE
  if (functionName === '(garbage collector)') return 'collecting garbage'
  if (functionName === '(program)') return 'the event loop and other native code'
  if (url === '') return WRITES.test(functionName) ? 'writing to sockets' : undefined
  const [, lib, room, other] = OWN.exec(url) ?? []
  if (lib) return `lib/${room}`
  if (other) return 'plugins and routes'
  const [, name] = PACKAGE.exec(url) ?? []
  if (name) return name
  if (NODE_SOCKETS.test(url)) return "Node's sockets and streams"
  return url.startsWith('node:') ? 'Node, the rest' : 'other'
}
