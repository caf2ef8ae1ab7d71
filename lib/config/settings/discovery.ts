import { isIP } from 'node:net'
import { LIST_IN_FILE, parsed } from '../../base/values/values.js'
import { isZone, ZONE_NAME } from '../../discovery/kubernetes/zone-name.js'
import type { DiscoveryOptions } from '../../discovery/options.js'
import { sourceConflict } from '../../discovery/spec/kinds.js'
import type { MemberList } from '../../discovery/spec/member-list.js'
import { parseOrigin } from '../../transport/origin.js'
import { type ValuesOf, variable } from '../variable.js'

const DNS_PORT = 53

/** The variables of discovery: how the sources of backends are asked. */
export const discoveryVariables = {
  LB_DNS_SERVERS: variable(dnsServers(), {
    description:
      'DNS servers that sources of backends (`dns://`, `dns+srv://`) are asked of, by their addresses: `10.0.0.2`, ' +
      '`10.0.0.2:5353`, `[fd00::2]:53`. Empty for those of `/etc/resolv.conf`.',
    fallback: '',
    flags: '--dns-servers <addresses>'
  }),
  LB_KUBECONFIG: variable(filePath(), {
    description:
      'Kubeconfig file whose current context says where the API server of Kubernetes is that sources of backends (`k8s://`) ask. ' +
      'Empty for the files of `KUBECONFIG`, else the service account of the pod, else `~/.kube/config`.',
    fallback: '',
    flags: '--kubeconfig <file>'
  }),
  LB_ZONE: variable(zone(), {
    description:
      'Zone that the balancer runs in, for sources of backends with `;prefer-zone`, as `topology.kubernetes.io/zone` of its ' +
      'node names it.',
    fallback: '',
    flags: '--zone <name>'
  })
}

type Values = ValuesOf<typeof discoveryVariables>

/** Options of discovery. */
export function discoveryOf(values: Values): DiscoveryOptions {
  return {
    dns: { servers: values.LB_DNS_SERVERS },
    kubernetes: { kubeconfig: values.LB_KUBECONFIG, zone: values.LB_ZONE }
  }
}

/** What is wrong with sources where they are asked so. */
export function sourceConflicts(values: Values & { readonly LB_BACKENDS: MemberList }): string[] {
  const options = discoveryOf(values)
  return values.LB_BACKENDS.sources.flatMap((source) => {
    const fault = sourceConflict(source, options)
    return fault === undefined ? [] : [`LB_BACKENDS "${source.name}": ${fault}`]
  })
}

/** The path of a file, which may come later; empty for none. */
function filePath() {
  return parsed<string>((text, fault) => {
    if (/\0|\/$/.test(text)) fault('must be the path of a file')
    return text
  })
}

/** The name of a zone; empty for none. */
function zone() {
  return parsed<string>((text, fault) => {
    if (text !== '' && !isZone(text)) fault(`must be ${ZONE_NAME}, but is "${text}"`)
    return text
  })
}

/** Addresses with or without a port, separated by commas or spaces. */
function dnsServers() {
  return parsed<readonly string[]>(
    (text, fault) =>
      text
        .split(/[\s,]+/)
        .filter(Boolean)
        .map((server) => {
          const family = isIP(server)
          const written =
            family === 6 ? `[${server}]:${DNS_PORT}` : family === 4 ? `${server}:${DNS_PORT}` : server
          const origin = parseOrigin(written, () => {})
          if (!origin || isIP(origin.hostname.replace(/%.*$/, '')) === 0)
            fault(`must list addresses of servers such as 10.0.0.2 or [fd00::2]:5353, but has "${server}"`)
          return written
        }),
    LIST_IN_FILE
  )
}
