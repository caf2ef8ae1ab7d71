import { isIPv4, isIPv6 } from 'node:net'
import { fieldValues } from './raw-headers.js'

const HOST = /^(?:\[([^\]%]*)(?:%[^\]]*)?\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::\d{0,5})?$/i
/** Suffixes that are not looked up in the public DNS, or that nobody can register (RFC 6761, RFC 6762, ICANN). */
const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal', '.svc']

/**
 * The hosts by which the balancer may be addressed. Any other host may be the name of another site that was made to resolve
 * to this machine (DNS rebinding): to a browser, pages of that site and the balancer are one origin. Addresses, and
 * names that only this machine or its network can assign, are safe.
 */
export class AdminHosts {
  readonly #names: ReadonlySet<string>
  readonly #suffixes: readonly string[]
  readonly #hasAll: boolean

  /**
   * @param listed host names, `*.example.com` for all names below one, or `*` for all
   * @param own host names of this machine
   */
  constructor(listed: readonly string[], own: readonly string[]) {
    this.#names = new Set([...listed, ...own])
    const suffixes = listed.filter((name) => name.startsWith('*.')).map((name) => name.slice(1))
    this.#suffixes = [...PRIVATE_SUFFIXES, ...suffixes]
    this.#hasAll = listed.includes('*')
  }

  /**
   * Whether the balancer may be addressed by this host.
   * @param host as in `Host` or `:authority`; its port, case and trailing dot do not count
   */
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
   * The first host that a request names and that is not one of these. Undefined if there is none; a request without a host
   * does not come from a browser.
   * @param rawHeaders names and values in turn
   */
  foreignHostOf(rawHeaders: readonly string[]): string | undefined {
    return fieldValues(rawHeaders, 'host').find((host) => host !== '' && !this.has(host))
  }
}
