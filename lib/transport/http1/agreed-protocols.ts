import { trimBlanks } from '../../base/http/characters.js'
import { BrokenResponse } from './broken-response.js'

/**
 * The protocols that a backend switches to, without empty list elements, which a sender must not generate (RFC 9110
 * section 5.6.1).
 * @param offered the client's `Upgrade` field
 * @param chosen the backend's
 * @throws {BrokenResponse} if there are none, or one was not offered (section 7.8)
 */
export function agreedProtocols(offered = '', chosen = ''): string {
  const offers = elementsOf(offered.toLowerCase())
  const protocols = elementsOf(chosen)
  if (protocols.length === 0 || !protocols.every((name) => offers.includes(name.toLowerCase())))
    throw new BrokenResponse('unasked upgrade')
  return protocols.join(', ')
}

/** The elements of a list that are not empty. */
function elementsOf(list: string): string[] {
  return list
    .split(',')
    .map((element) => trimBlanks(element))
    .filter((element) => element !== '')
}
