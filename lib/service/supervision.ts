import { readFileSync } from 'node:fs'

/** Programs that are process number 1 of a container, and end it when the one process that they have started ends. */
const SINGLE_CHILD_INITS = new Set(['tini', 'docker-init', 'dumb-init', 'catatonit'])

/** The numbers of a process and of its parent. */
export type ProcessIds = Pick<NodeJS.Process, 'pid' | 'ppid'>

/**
 * Why another process cannot take over from this one: what runs it would end with it.
 * @returns undefined if it can
 */
export function whyNoSuccessor({ pid, ppid }: ProcessIds, nameOf = nameOfProcess): string | undefined {
  if (pid === 1) return 'this process is number 1, and its container ends with it: replace the container'
  const parent = ppid === 1 ? nameOf(ppid) : ''
  if (!SINGLE_CHILD_INITS.has(parent)) return undefined
  return `${parent} ends the container with this process: replace the container`
}

/** On Linux; empty elsewhere. */
function nameOfProcess(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
