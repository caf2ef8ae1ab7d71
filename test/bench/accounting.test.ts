import { test } from 'tap'

import {
  countEstablishedIn,
  descendants,
  parseResidentKilobytes,
  parseStat,
  readCpuTime,
  readResidentKilobytes
} from '../../bench/accounting'

const rest = '4194304 11 22 33 44 120 340 5 7 20 0 11 0 24000 1000000 2500'

function processStat(pid: number, parentPid: number) {
  return { pid, parentPid, userMicroseconds: 0, systemMicroseconds: 0 }
}

test('own time and that of reaped children add up, in microseconds', async (t) => {
  t.same(parseStat(`4242 (node) S 4000 4242 4242 0 -1 ${rest}`), {
    pid: 4242,
    parentPid: 4000,
    userMicroseconds: 1_250_000,
    systemMicroseconds: 3_470_000
  })
})

test('a command may contain spaces and parentheses', async (t) => {
  const stat = parseStat(`7 (nginx: worker (1) 9) R 6 7 7 0 -1 ${rest}`)
  t.equal(stat.pid, 7)
  t.equal(stat.parentPid, 6)
  t.equal(stat.userMicroseconds, 1_250_000)
})

test('anything else is refused', async (t) => {
  t.throws(() => parseStat('cpu  1 2 3 4'), { message: /not a stat line/ })
})

test('resident memory is read in kB, and is 0 where there is none', async (t) => {
  t.equal(
    parseResidentKilobytes('Name:\tnode\nVmHWM:\t  99999 kB\nVmRSS:\t  84012 kB\nThreads:\t11\n'),
    84012
  )
  t.equal(parseResidentKilobytes('Name:\tnginx\nState:\tZ (zombie)\n'), 0)
})

test('a tree is the root and all below it, whatever the order', async (t) => {
  const processes = [
    processStat(30, 20),
    processStat(20, 10),
    processStat(10, 1),
    processStat(11, 1),
    processStat(21, 10)
  ]
  const pids = descendants(processes, 10).map(({ pid }) => pid)
  t.same(pids.sort(), [10, 20, 21, 30])
})

test('a root that is gone has no tree', async (t) => {
  t.same(descendants([processStat(10, 1)], 99), [])
})

test('only established connections accepted on the port count', async (t) => {
  const lines = [
    '  sl  local_address rem_address   st tx_queue rx_queue',
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000',
    '   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000',
    '   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000',
    '   3: 0100007F:1F90 0100007F:C002 06 00000000:00000000',
    '   4: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C003 01 00000000:00000000'
  ]
  t.equal(countEstablishedIn(lines.join('\n'), 8080), 2)
})

test('this process has used time and memory', { skip: process.platform !== 'linux' }, async (t) => {
  const { userMicroseconds } = readCpuTime(process.pid)
  t.ok(userMicroseconds > 0)
  t.ok(readResidentKilobytes(process.pid) > 10_000)
})
