import { isIP } from 'node:net'
import { readSeconds } from '../../base/values/values.js'
import type { SourceKind, SourceOptions } from '../spec/source-spec.js'
import { isDnsName } from './dns-name.js'
import type { DnsGiven, Family } from './options.js'

const SRV_SCHEME = 'dns+srv'
const SHORTEST_S = 0.1
const LONGEST_S = 86_400
const RESOLVE_MIN_MS = 1000
const RESOLVE_MAX_MS = 60_000
const HOLD_MS = 30_000
const FAMILIES: Readonly<Record<string, readonly Family[]>> = { ipv4: ['A'], ipv6: ['AAAA'] }

type Fault = (message: string) => void

/** `dns://name:port`: every address of a name. `dns+srv://name`: the targets of a service. */
export const dnsKind: SourceKind<DnsGiven> = {
  schemes: ['dns', SRV_SCHEME],
  options: ['resolve-min', 'resolve-max', 'hold', 'family'],
  read(place, options, fault, scheme) {
    const target = scheme === SRV_SCHEME ? readService(place, fault) : readNameAndPort(place, fault)
    const minMs = readPeriod(options, 'resolve-min', SHORTEST_S, fault)
    const maxMs = readPeriod(options, 'resolve-max', SHORTEST_S, fault)
    const holdMs = readPeriod(options, 'hold', 0, fault) ?? HOLD_MS
    // One that is given alone moves the default of the other.
    const least = minMs ?? Math.min(RESOLVE_MIN_MS, maxMs ?? RESOLVE_MIN_MS)
    const most = maxMs ?? Math.max(RESOLVE_MAX_MS, least)
    if (least > most) fault('resolve-min must not be above resolve-max')
    const families = readFamilies(options, fault)
    return target && { ...target, families, minMs: least, maxMs: most, holdMs }
  },
  create(given, context) {
    const { DnsSource } = require('./dns-source.js') as typeof import('./dns-source.js')
    return new DnsSource(given, context)
  }
}

function readNameAndPort(place: string, fault: Fault) {
  const [, name = '', written] = /^(.*):(\d{1,5})$/.exec(place) ?? []
  const port = Number(written)
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) {
    fault(`"${name}" is an address, which needs no DNS: write ${place} alone`)
    return undefined
  }
  if (isDnsName(name) && port >= 1 && port <= 65_535) return { name, port }
  fault('must be a name and a port from 1 to 65535, such as dns://app.internal:3000')
  return undefined
}

function readService(place: string, fault: Fault) {
  if (isDnsName(place)) return { name: place, port: undefined }
  const hint = isDnsName(place.replace(/:\d*$/, '')) ? ' without a port, which its records have' : ''
  fault(`must be the name of a service${hint}, such as dns+srv://_http._tcp.app.internal`)
  return undefined
}

function readPeriod(options: SourceOptions, name: string, min: number, fault: Fault): number | undefined {
  if (!options.has(name)) return undefined
  const value = options.get(name) ?? ''
  const valueMs = readSeconds(value, min, LONGEST_S)
  if (valueMs === undefined)
    fault(`${name} must be a number of seconds from ${min} to ${LONGEST_S}, but is "${value}"`)
  return valueMs
}

function readFamilies(options: SourceOptions, fault: Fault): readonly Family[] {
  if (!options.has('family')) return ['A', 'AAAA']
  const value = options.get('family') ?? ''
  if (!Object.hasOwn(FAMILIES, value))
    fault(`family must be ${Object.keys(FAMILIES).join(' or ')}, but is "${value}"`)
  return FAMILIES[value] ?? []
}
