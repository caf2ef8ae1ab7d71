import { tlsEnvironment } from '../certificate'
import { compiled, packageVersion } from '../project'
import type { Peer } from './peer'

/**
 * A peer whose server in this folder gets the port and the backends as arguments.
 * @param packageName the npm package that it shows; without one, what Node itself can do
 * @param more what is not as for most
 */
export function nodePeer(name: string, packageName?: string, more: Partial<Peer> = {}): Peer {
  return {
    ...more,
    name,
    find() {
      return compiled(`bench/peers/${name}-server.js`)
    },
    version() {
      return packageName === undefined ? process.version : packageVersion(packageName)
    },
    launch(program, { port, backends, tls }) {
      const env = tlsEnvironment(tls)
      return { command: process.execPath, args: [program, String(port), ...backends], env }
    }
  }
}
