import { existsSync } from 'node:fs'

import { commit, compiled, packageVersion } from '../project'
import type { Peer } from './peer'

/** This project, started as its users start it; only the limit of requests in flight makes room for the load. */
export const fairlead: Peer = {
  name: 'fairlead',
  find() {
    return [compiled('bin/lb.js')].find((file) => existsSync(file))
  },
  version() {
    return `${packageVersion()} ${commit()}`.trim()
  },
  launch(program, { port, backends, connections }) {
    return {
      command: process.execPath,
      args: [program, '-p', String(port), '-b', ...backends],
      env: { LB_MAX_CONNECTIONS: String(2 * connections + 100) }
    }
  }
}
