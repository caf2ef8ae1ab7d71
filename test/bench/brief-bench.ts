import { rmSync } from 'node:fs'
import tap, { type Test } from 'tap'

import { makeCertificate } from '../../bench/certificate'
import { Children } from '../../bench/children'
import { findCommand } from '../../bench/commands'
import { readOptions } from '../../bench/options'
import type { Peer } from '../../bench/peers/peer'
import type { Bench } from '../../bench/rounds'

const needed = ['wrk', 'openssl'].find((name) => !findCommand(name))
const skip = needed ? `${needed} is not installed` : process.platform !== 'linux' && 'it reads /proc'
/** For a test that runs the bench, with time for a machine that is busy with others. */
export const options = { skip, timeout: 80_000 }
tap.setTimeout(85_000)
// The shortest that wrk can run.
const brief = ['--rounds', '1', '--seconds', '1', '--warm-up', '1', '--connections', '3', '--body', '1m']
export const connections = 3
export const bodyBytes = 1024 ** 2

/** A bench of the shortest runs that wrk can do, over as many connections as are used here, with bodies of 1 MiB. */
export function benchOf(t: Test, peers: Peer[], args: string[]): Bench {
  const children = new Children()
  t.teardown(() => rmSync(children.folder, { recursive: true, force: true }))
  return {
    children,
    wrk: findCommand('wrk')!,
    certificate: makeCertificate(findCommand('openssl')!, children.folder),
    found: peers.map((peer) => ({ peer, program: peer.find()! })),
    options: readOptions([...brief, ...args], [], []),
    progress() {}
  }
}
