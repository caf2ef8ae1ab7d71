import type { SourceKind, SourceOptions } from '../spec/source-spec.js'
import type { IpFamily, KubernetesGiven } from './options.js'
import { isZone, ZONE_NAME } from './zone-name.js'

const PLACE = /^([^/:]+)\/([^/:]+)(?::([^/:]+))?$/
/** A DNS label (RFC 1123), as names of namespaces, services and ports are. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const FAMILIES: readonly string[] = ['ipv4', 'ipv6'] satisfies IpFamily[]
const PREFER_ZONE = 'prefer-zone'
const FAMILY = 'family'

type Fault = (message: string) => void

/** `k8s://namespace/service:port`: the endpoints of a service in Kubernetes. */
export const kubernetesKind: SourceKind<KubernetesGiven> = {
  schemes: ['k8s'],
  options: [PREFER_ZONE, FAMILY],
  read(place, options, fault) {
    const [, namespace = '', service = '', port] = PLACE.exec(place) ?? []
    if (!LABEL.test(namespace) || !LABEL.test(service) || (port !== undefined && !LABEL.test(port))) {
      fault('must be k8s://namespace/service or k8s://namespace/service:port, such as k8s://shop/web:http')
      return undefined
    }
    const number = port !== undefined && /^\d+$/.test(port) ? Number(port) : undefined
    if (number !== undefined && (number < 1 || number > 65_535))
      fault(`the port must be a name or from 1 to 65535, but is ${port}`)
    return {
      namespace,
      service,
      port: number ?? port,
      family: familyIn(options, fault),
      zone: zoneIn(options, fault)
    }
  },
  conflict: ({ zone }, { kubernetes }) =>
    zone === '' && kubernetes.zone === ''
      ? `${PREFER_ZONE} needs the name of a zone, here or in LB_ZONE`
      : undefined,
  create(given, context) {
    const { KubernetesSource } = require('./kubernetes-source.js') as typeof import('./kubernetes-source.js')
    return new KubernetesSource(given, context)
  }
}

function familyIn(options: SourceOptions, fault: Fault): IpFamily | undefined {
  if (!options.has(FAMILY)) return undefined
  const family = options.get(FAMILY) ?? ''
  if (!FAMILIES.includes(family)) fault(`${FAMILY} must be ${FAMILIES.join(' or ')}, but is "${family}"`)
  return family as IpFamily
}

function zoneIn(options: SourceOptions, fault: Fault): string | undefined {
  if (!options.has(PREFER_ZONE)) return undefined
  const zone = options.get(PREFER_ZONE)
  if (zone !== undefined && !isZone(zone)) fault(`${PREFER_ZONE} must be ${ZONE_NAME}, but is "${zone}"`)
  return zone ?? ''
}
