import { readdirSync, readFileSync } from 'node:fs'

/** What `/proc/PID/stat` says of one process; threads are included, and so are children already reaped. */
export interface ProcessStat {
  pid: number
  parentPid: number
  userMicroseconds: number
  systemMicroseconds: number
}

/** CPU time that a process tree has used so far. */
export interface CpuTime {
  userMicroseconds: number
  systemMicroseconds: number
}

// USER_HZ: 100 on every Linux, whatever the kernel's own tick is.
const microsecondsPerTick = 10_000

/** Reads the fields of interest from the one line of `/proc/PID/stat`. */
export function parseStat(line: string): ProcessStat {
  // The command stands in parentheses and may itself contain spaces and parentheses.
  const commandEnd = line.lastIndexOf(')')
  const fields = line.slice(commandEnd + 2).split(' ')
  const ticks = (field: number) => Number(fields[field - 3])
  const stat = {
    pid: Number.parseInt(line, 10),
    parentPid: Number(fields[1]),
    userMicroseconds: (ticks(14) + ticks(16)) * microsecondsPerTick,
    systemMicroseconds: (ticks(15) + ticks(17)) * microsecondsPerTick
  }
  if (commandEnd < 0 || Object.values(stat).some(Number.isNaN)) throw new Error(`not a stat line: ${line}`)
  return stat
}

/** Resident memory in kB from `/proc/PID/status`; 0 for a process that has none, such as a zombie. */
export function parseResidentKilobytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}

/** The process `rootPid` and everything below it. */
export function descendants(processes: ProcessStat[], rootPid: number): ProcessStat[] {
  const tree = processes.filter(({ pid }) => pid === rootPid)
  for (const parent of tree) {
    tree.push(...processes.filter(({ parentPid }) => parentPid === parent.pid))
  }
  return tree
}

/** CPU time used so far by the tree below `rootPid`. */
export function readCpuTime(rootPid: number): CpuTime {
  const tree = readTree(rootPid)
  return {
    userMicroseconds: sum(tree.map((stat) => stat.userMicroseconds)),
    systemMicroseconds: sum(tree.map((stat) => stat.systemMicroseconds))
  }
}

/** Resident memory of the tree below `rootPid`, added up: pages shared between its processes count in each. */
export function readResidentKilobytes(rootPid: number): number {
  return sum(readTree(rootPid).map(({ pid }) => parseResidentKilobytes(readIfThere(`/proc/${pid}/status`))))
}

/** Connections that stand on a loopback port, from the side that accepted them. */
export function countEstablished(port: number): number {
  // A server that listens on :: accepts IPv4 clients too, and then they stand in the second table.
  return countEstablishedIn(readIfThere('/proc/net/tcp') + readIfThere('/proc/net/tcp6'), port)
}

/** The same, from the lines of `/proc/net/tcp`. */
export function countEstablishedIn(table: string, port: number): number {
  const established = '01'
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hexPort}`) && state === established).length
}

function readTree(rootPid: number): ProcessStat[] {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readIfThere(`/proc/${pid}/stat`))
  return descendants(lines.filter((line) => line !== '').map(parseStat), rootPid)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process ended in between
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
