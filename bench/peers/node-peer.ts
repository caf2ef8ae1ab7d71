import { compiled, packageVersion } from '../project'
import type { Peer } from './peer'

/** A peer that is an npm package: its server in this folder gets the port and the backends as arguments. */
export function nodePeer(name: string, packageName: string): Peer {
  return {
    name,
    find() {
      return compiled(`bench/peers/${name}-server.js`)
    },
    version() {
      return packageVersion(packageName)
    },
    launch(program, { port, backends }) {
      return { command: process.execPath, args: [program, String(port), ...backends] }
    }
  }
}
