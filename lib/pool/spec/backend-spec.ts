import { addressOf, isUnixSocket, type Origin, parseOrigin } from '../../transport/origin.js'
import { type BackendOptions, OPTION_NAMES, parseOptions } from './backend-options.js'

/** One backend as configured. State and counters live in the registry. */
export interface BackendConfig extends Origin, BackendOptions {
  /** `host:port`, with brackets around IPv6, or `unix:/path`: the name in logs and statistics. */
  readonly address: string
  /**
   * It is about to end, as a source says of it: it keeps its sessions and what is under way, and takes other requests only
   * while no other backend is eligible. Nobody can configure that.
   */
  readonly isTerminating?: boolean
}

/** The options of connections. */
const CONNECTION_OPTIONS = [
  'tlsName',
  'tlsNoVerify',
  'h2',
  'proxyProtocol',
  'maxAgeMs',
  'maxRequests',
  'resolveMs'
] as const

/** Whether two configurations have the same options of connections. */
export function hasSameConnectionOptions(a: BackendConfig, b: BackendConfig): boolean {
  return CONNECTION_OPTIONS.every((key) => (a[key] || undefined) === (b[key] || undefined))
}

type Fault = (message: string) => void

/** Reads backends, separated by commas or white space: at least one. Calls `fault` for each error. */
export function parseBackends(text: string, fault: Fault): BackendConfig[] {
  const entries = entriesOf(text)
  if (entries.length === 0) fault(NO_BACKEND)
  return readBackends(entries, fault)
}

/** The entries of a list, separated by commas or white space. */
export const entriesOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

/** What is wrong with a list without entries. */
export const NO_BACKEND = 'must name at least one backend, such as 127.0.0.1:8080'

/**
 * Reads backends, each `host:port`, `[v6]:port`, an `http(s)://` origin or `unix:/path`, followed by `;name=value` options.
 * Calls `fault` for each error.
 */
export function readBackends(entries: readonly string[], fault: Fault): BackendConfig[] {
  const backends: BackendConfig[] = []
  const seen = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    const shown = entry.replace(/\/\/.*@/, '//***@')
    const hint =
      index > 0 && isUnixSocket(entries[index - 1]!)
        ? ' (if that belongs to the path before it: the path of a Unix socket may hold no space or comma)'
        : ''
    const backend = parseBackend(entry, (message) => fault(`"${shown}": ${message}${hint}`))
    if (!backend) continue
    if (seen.has(backend.address)) fault(`"${shown}": duplicate, ${backend.address} is listed twice`)
    seen.add(backend.address)
    backends.push(backend)
  }
  return backends
}

function parseBackend(entry: string, fault: Fault): BackendConfig | undefined {
  const [origin = '', ...options] = entry.split(';')
  return readBackend(origin, options, fault)
}

/**
 * Parses one backend. Calls `fault` for each error.
 * @param text `host:port`, `[v6]:port`, an `http(s)://` origin or `unix:/path`
 * @param given options, each `name=value` or `name`
 */
export function readBackend(text: string, given: readonly string[], fault: Fault): BackendConfig | undefined {
  const isSocket = isUnixSocket(text)
  const options = parseOptions(given, (message) => {
    const isOfPath = isSocket && message.startsWith('unknown option')
    fault(isOfPath ? `${message}; the path of a Unix socket may hold no semicolon` : message)
  })
  const origin = parseOrigin(text, fault)
  if (!origin) return undefined
  const { tlsName, tlsNoVerify, checkPort } = options
  if (origin.protocol === 'http:' && (tlsName !== undefined || tlsNoVerify))
    fault(`${tlsNoVerify ? 'tls-no-verify' : 'tls-name'} needs an origin that begins with https://`)
  if (isSocket && checkPort !== undefined) fault('a Unix socket has no ports for check-port to name')
  // A second spread would make it slowly, and large.
  return Object.assign({}, origin, { address: addressOf(origin) }, options)
}

/** The canonical address of a backend, however it is written; the text itself if that is invalid. */
export function canonicalBackendAddress(text: string): string {
  const origin = parseOrigin(text, () => {})
  return origin ? addressOf(origin) : text
}

/** A backend in a file: its address, or an object with address and options. */
const BACKEND_IN_FILE = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: {
        address: { type: 'string' },
        ...Object.fromEntries(OPTION_NAMES.map((name) => [name, { type: ['string', 'number', 'boolean'] }]))
      },
      required: ['address'],
      additionalProperties: false
    }
  ]
}
/** What `LB_BACKENDS` may be in a file: a part of a JSON Schema. */
export const BACKENDS_IN_FILE = {
  anyOf: [BACKEND_IN_FILE, { type: 'array', items: BACKEND_IN_FILE }]
}
