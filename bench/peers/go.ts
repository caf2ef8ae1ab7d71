import { execFileSync } from 'node:child_process'
import path from 'node:path'

import { tlsEnvironment } from '../certificate'
import { findCommand, versionOf } from '../commands'
import { benchSource } from '../project'
import type { Peer } from './peer'

// A folder of the first place, which stays until the run ends.
let binary: string | undefined

/** Go's own reverse proxy on one CPU, built once a run. */
export const go: Peer = {
  name: 'go',
  find() {
    return findCommand('go')
  },
  version(program) {
    return versionOf(program, 'version')
  },
  launch(program, { port, backends, tls, folder }) {
    binary ??= build(program, folder)
    return {
      command: binary,
      args: [String(port), ...backends],
      env: { GOMAXPROCS: '1', ...tlsEnvironment(tls) }
    }
  }
}

function build(program: string, folder: string): string {
  const output = path.join(folder, 'go-proxy')
  // Go keeps its build cache in the home folder, and fails without one.
  const cache = process.env.HOME ? {} : { GOCACHE: path.join(folder, 'cache') }
  const env = { ...process.env, ...cache, GO111MODULE: 'off' }
  execFileSync(program, ['build', '-o', output, benchSource('peers/go-proxy.go')], { env })
  return output
}
