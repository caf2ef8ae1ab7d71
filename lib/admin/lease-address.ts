import { BlockList, isIP, isIPv6 } from 'node:net'
import { contains } from '../listener/client/connection-info.js'
import { type BackendConfig, readBackend } from '../pool/spec/backend-spec.js'
import { foreignAddress, wrongBackend } from './api-error.js'

/** Where a request to register a backend comes from. */
export interface Registrant {
  /** Address of the client. */
  readonly source: string
  /** What others may register. */
  readonly ranges: BlockList
  /** Whether an address and a port are the balancer's own: a request to it would come back. */
  readonly isOwn: (host: string, port: number) => boolean
}

/** Addresses that mean another machine to each who reads them, or none (RFC 6890). */
const LOCAL = new BlockList()
LOCAL.addSubnet('0.0.0.0', 8, 'ipv4')
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4')
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LOCAL.addSubnet('224.0.0.0', 3, 'ipv4')
LOCAL.addAddress('::', 'ipv6')
LOCAL.addAddress('::1', 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')
LOCAL.addSubnet('ff00::', 8, 'ipv6')
/** The hosts of who registers itself without knowing its address. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** IPv4 in the form of IPv6, and addresses with a zone. */
const NOT_PLAIN = /^::ffff:|%/

/**
 * The backend that may be registered under an address. `0.0.0.0` and `[::]` stand for the address of the client.
 * @throws {ApiError} 400 if it is none, 403 if it may not be registered from there
 */
export function leasedBackend(address: string, weight: number, registrant: Registrant): BackendConfig {
  const { source, ranges, isOwn } = registrant
  const own = isIPv6(source) ? `[${source}]` : source
  const faults: string[] = []
  const read = (text: string) => readBackend(text, [`weight=${weight}`], (fault) => faults.push(fault))
  const given = read(address)
  // However it is written, such as `0:3000`: a connection to it would reach the balancer's own machine.
  const config = given && UNSPECIFIED.has(given.hostname) ? read(`${own}:${given.port}`) : given
  if (!config || faults.length > 0) throw wrongBackend(faults.join('; '))
  const { hostname, port, socketPath, protocol } = config
  const host = hostname.replace(/%.*$/, '')
  if (socketPath !== undefined || isIP(host) === 0 || protocol !== 'http:' || NOT_PLAIN.test(hostname))
    throw wrongBackend('must be an address and a port, such as 10.0.0.7:3000')
  const isNamed = contains(ranges, host)
  if (isOwn(host, port) || (!isNamed && (host !== source || contains(LOCAL, host))))
    throw foreignAddress(config.address)
  return config
}
