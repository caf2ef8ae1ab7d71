import { isIPv4, isIPv6 } from 'node:net'
import { fieldValues } from './raw-headers.js'

const HOST = /^(?:\[([^\]%]*)(?:%[^\]]*)?\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::\d{0,5})?$/i
/** Of names that no resolver asks the public DNS for, or that nobody can register there (RFC 6761, RFC 6762, ICANN). */
const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal', '.svc']

/**
 * Tells by the host that it is sent to whether a request may come from a page of another site, whose name was made to
 * lead to this machine (DNS rebinding): browsers take such a page and the balancer for one origin. Addresses, and names
 * that only this machine or its network can give, are nobody else's.
 */
export class AdminHosts {
  readonly #names: ReadonlySet<string>
  readonly #suffixes: readonly string[]
  readonly #hasAll: boolean

  /**
   * @param listed names, `*.` before those below which all belong, or `*` for all
   * @param own names of this machine
   */
  constructor(listed: readonly string[], own: readonly string[]) {
    this.#names = new Set([...listed, ...own])
    const suffixes = listed.filter((name) => name.startsWith('*.')).map((name) => name.slice(1))
    this.#suffixes = [...PRIVATE_SUFFIXES, ...suffixes]
    this.#hasAll = listed.includes('*')
  }

  /** @param host as `Host` or `:authority` has it: its port does not count, nor does its case or a dot behind it */
  has(host: string): boolean {
    if (this.#hasAll) return true
    const [, v6, written = ''] = HOST.exec(host) ?? []
    if (v6 !== undefined) return isIPv6(v6)
    const name = written.toLowerCase()
    if (name === '') return false
    if (!name.includes('.') || isIPv4(name) || this.#names.has(name)) return true
    return this.#suffixes.some((suffix) => name.endsWith(suffix))
  }

  /**
   * The host, of those that a request names, that is none of these; undefined if all are, or none is named, as browsers
   * name one.
   * @param rawHeaders names and values in turn
   */
  foreignHostOf(rawHeaders: readonly string[]): string | undefined {
    const hosts = [...fieldValues(rawHeaders, ':authority'), ...fieldValues(rawHeaders, 'host')]
    return hosts.find((host) => host !== '' && !this.has(host))
  }
}
