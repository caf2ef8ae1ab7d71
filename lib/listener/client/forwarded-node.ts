import { isIP, isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from '../../base/address/canonical.js'

/** Behind an address: a number, or what stands for one (RFC 7239 section 6.3); some write a colon alone. */
const PORT = /^:(?:\d{0,5}|_[\w.-]+)$/
const IN_BRACKETS = /^\[([^\]]*)\](.*)$/s
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s

/**
 * The address in one element of `X-Forwarded-For`, canonical. It may be written in every form of RFC 7239 section 6, in
 * quotes or not, and as proxies write it beside that: an IPv6 address without brackets, also before a port where no
 * address could end so. Undefined if it is no address: `unknown`, a name in its place (`_hidden`), or anything else.
 */
export function addressOfNode(element: string): string | undefined {
  if (isIPv4(element)) return element
  const [, quoted] = QUOTED.exec(element) ?? []
  const node = quoted === undefined ? element : quoted.replace(/\\(.)/gs, '$1').trim()
  const [, inBrackets, behind = ''] = IN_BRACKETS.exec(node) ?? []
  if (inBrackets !== undefined) return behind === '' || PORT.test(behind) ? addressIn(inBrackets) : undefined
  if (isIPv6(node)) return canonicalAddress(node)
  const colon = node.lastIndexOf(':')
  if (colon === -1) return addressIn(node)
  return PORT.test(node.slice(colon)) ? addressIn(node.slice(0, colon)) : undefined
}

function addressIn(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : canonicalAddress(text)
}
