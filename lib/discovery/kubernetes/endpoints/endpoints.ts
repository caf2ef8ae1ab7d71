import { isIPv4, isIPv6 } from 'node:net'
import { isHostName } from '../../../base/values/check-values.js'
import type { IpFamily } from '../options.js'
import { describePorts, portNumber } from './port.js'
import type { AddressType, Endpoint, Slice } from './slice.js'

const IS_ADDRESS: Readonly<Record<AddressType, (text: string) => boolean>> = {
  IPv4: isIPv4,
  IPv6: isIPv6,
  FQDN: isHostName
}

/** Which endpoints of a service are wanted. */
export interface Wanted {
  readonly port: string | number | undefined
  readonly family: IpFamily | undefined
}

/** An endpoint, and `host:port` where it is reached. */
export interface Reachable {
  readonly at: string
  readonly endpoint: Endpoint
}

type Fault = (message: string) => void

/**
 * The endpoints of all slices of a service, each once. Calls `fault` for those that are left out.
 * @returns or why none of them can be used, though there are some
 */
export function reachableIn(
  slices: Iterable<Slice>,
  { port, family }: Wanted,
  fault: Fault
): Reachable[] | string {
  const all = ofFamily([...slices], family)
  const found = new Map<string, Reachable>()
  const withoutPort: Slice[] = []
  for (const slice of all) {
    const { addressType, endpoints } = slice
    const number = portNumber(slice.ports, port)
    if (number === undefined) {
      if (endpoints.length > 0) withoutPort.push(slice)
      continue
    }
    for (const endpoint of endpoints) {
      const { address } = endpoint
      if (!IS_ADDRESS[addressType](address)) {
        fault(`an endpoint is not used: "${address.slice(0, 100)}" is no address of type ${addressType}`)
        continue
      }
      const at = addressType === 'IPv6' ? `[${address}]:${number}` : `${address}:${number}`
      // While it moves from one slice to another it is in both, and one of them is older.
      if (found.get(at)?.endpoint.isTerminating !== false) found.set(at, { at, endpoint })
    }
  }
  if (found.size > 0 || withoutPort.length === 0) return [...found.values()]
  return noPort(port, describePorts(withoutPort.flatMap(({ ports }) => ports)))
}

function noPort(wanted: string | number | undefined, ports: string): string {
  if (wanted === undefined) return `which port is meant has to be said: the endpoints have ${ports}`
  return `the endpoints have no port ${wanted}; theirs are ${ports}`
}

/** Of a service with both kinds of IP addresses each endpoint has one of each: those of one kind are used. */
function ofFamily(slices: readonly Slice[], family: IpFamily | undefined): readonly Slice[] {
  const has = (type: AddressType) => slices.some(({ addressType }) => addressType === type)
  const isV6 = family === undefined ? !has('IPv4') : family === 'ipv6'
  const unused: AddressType = isV6 ? 'IPv4' : 'IPv6'
  return slices.filter(({ addressType }) => addressType !== unused)
}
