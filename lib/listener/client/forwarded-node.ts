import { isIP, isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from '../../base/address/canonical.js'

/** A port: a number or an obfuscated one (RFC 7239 section 6.3); some proxies send a colon alone. */
const PORT = /^:(?:\d{0,5}|_[\w.-]+)$/
const IN_BRACKETS = /^\[([^\]]*)\](.*)$/s
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s

/**
 * The address in an element of `X-Forwarded-For`, in canonical form. All forms of RFC 7239 section 6 are accepted, quoted
 * or not, and IPv6 without brackets, which may be followed by a port where that is unambiguous. Undefined if it is no
 * address: `unknown`, an obfuscated identifier (`_hidden`), or anything else.
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
