import { setTimeout as sleep } from 'node:timers/promises'

import type { Children } from './children'
import type { Target } from './client/connection'
import { type LoadReport, parseLoadReport } from './load-report'
import { compiled } from './project'

/** What the bench's own client does: load that wrk has not, and connections that are held. */
export interface Task {
  kind: 'storm' | 'open' | 'shared' | 'idle' | 'idle-http2' | 'unread'
  /** Of several, connections go to each in turn. */
  targets: Target[]
  connections: number
  /** Of each connection of a shared one. */
  streams?: number
  seconds: number
  /** Requests a second of an open loop. */
  rate: number
}

/** Connections that another process holds. */
export interface Held {
  /** How many of them had an answer, or could ask. */
  count: number
  release(): Promise<void>
}

/** Runs a storm, an open loop or shared connections in a process of its own. */
export async function runClient(children: Children, task: Task): Promise<LoadReport> {
  const child = children.start(task.kind, 'load', launch(task))
  await child.exited
  return parseLoadReport(task.kind, child.output())
}

/** Holds connections, idle or unread, from a process of its own. */
export async function holdConnections(children: Children, task: Task): Promise<Held> {
  const child = children.start(task.kind, 'load', launch(task))
  let result: RegExpExecArray | null = null
  for (; !result; result = /^\{"held":(\d+)\}$/m.exec(child.output())) {
    if (child.hasExited()) throw new Error(`no connections are held:\n${child.output()}`)
    await sleep(50)
  }
  return { count: Number(result[1]), release: () => children.stop(child) }
}

function launch(task: Task) {
  return { command: process.execPath, args: [compiled('bench/client/main.js'), JSON.stringify(task)] }
}
