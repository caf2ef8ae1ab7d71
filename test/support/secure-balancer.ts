import type { ConnectionOptions } from 'node:tls'
import type { Test } from 'tap'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { type Balancer, startBalancer } from '../helper.js'
import type { Authority } from './certificates.js'
import type { Env } from './processes.js'
import { securePorts } from './secure-ports.js'

/** The settings that have these pairs shown to clients. */
export function shown(...pairs: readonly KeyPairFiles[]): Env {
  return {
    LB_TLS_CERT: pairs.map(({ certFile }) => certFile).join(' '),
    LB_TLS_KEY: pairs.map(({ keyFile }) => keyFile).join(' ')
  }
}

/** A balancer that speaks TLS as `localhost`, unless `env` says otherwise, to clients that believe its authority. */
export async function startSecureBalancer(
  t: Test,
  by: Authority,
  backends: Parameters<typeof startBalancer>[1],
  env: Env = {},
  client: ConnectionOptions = {}
): Promise<Balancer> {
  const settings = env.LB_TLS_CERT === undefined ? { ...shown(by.issue('localhost')), ...env } : env
  const balancer = await startBalancer(t, backends, settings)
  securePorts.set(balancer.port, { ca: by.pem, servername: 'localhost', ...client })
  return balancer
}
