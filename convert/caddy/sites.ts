import { ConvertError, type Findings } from '../findings.js'
import type { Site } from './parse.js'

/** An address of a site, taken apart. */
export interface Address {
  readonly site: Site
  /** Empty for all hosts. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** Whether its certificate would come from an authority. */
  readonly isAutomatic: boolean
}

export interface Ports {
  readonly http: number
  readonly https: number
}

const ADDRESS = /^(?:(https?):\/\/)?(\[[\da-f:]+\]|[^/:]*)(?::(\d+|https?))?(\/.*)?$/i

const HOST = /^(?:(?:\*\.)?[a-z\d_-]+(?:\.[a-z\d_-]+)*|\[[\da-f:]+\])?$/i

/** All addresses of the sites. */
export function addressesOf(sites: readonly Site[], ports: Ports, findings: Findings): Address[] {
  return sites.flatMap((site) =>
    site.addresses.flatMap((text) => {
      const [, scheme, host = '', port, path] = ADDRESS.exec(text) ?? []
      const hasPath = path !== undefined && path !== '/' && path !== '/*'
      if (!ADDRESS.test(text) || hasPath || !HOST.test(host)) {
        findings.leftOut(site.at, text, 'the address of a site is a host and a port')
        return []
      }
      const hasTls = site.directives.some(({ name }) => name === 'tls')
      const isHttp = scheme === 'http' || port === 'http' || Number(port) === ports.http
      const isTls =
        scheme === 'https' ||
        port === 'https' ||
        (!isHttp && (host !== '' || hasTls || Number(port) === ports.https))
      const known = port === 'http' ? ports.http : port === 'https' ? ports.https : Number(port)
      return [
        {
          site,
          host: host.toLowerCase(),
          port: Number.isInteger(known) ? known : isTls ? ports.https : ports.http,
          isTls,
          isAutomatic: isTls && !site.directives.some(({ name, args }) => name === 'tls' && args.length >= 2)
        }
      ]
    })
  )
}

/**
 * The addresses at the port that most sites have, or at the wanted one; one balancer has one port.
 * @throws {ConvertError} if there is none
 */
export function addressesAt(
  all: readonly Address[],
  wanted: number | undefined,
  findings: Findings
): Address[] {
  const ports = [...new Set(all.map(({ port }) => port))]
  const count = (port: number) =>
    all.filter((address) => address.port === port).length + (isTls(port) ? 0.5 : 0)
  const isTls = (port: number) => all.some((address) => address.port === port && address.isTls)
  const port = wanted ?? [...ports].sort((a, b) => count(b) - count(a))[0]
  if (port === undefined || !ports.includes(port))
    throw new ConvertError(wanted ? `no site has port ${wanted}` : 'there is no site in it')
  for (const { site, host, port: other } of all)
    if (other !== port)
      findings.leftOut(
        site.at,
        `${host}:${other}`,
        `a balancer has one port: convert again with --port ${other} for another one`
      )
  return all.filter((address) => address.port === port)
}
