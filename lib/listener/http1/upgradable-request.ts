import { IncomingMessage } from 'node:http'
import { connectionOptions } from '../../base/http/field-names.js'
import { hasBody } from '../../base/http/request-body.js'

/**
 * The protocols that a request offers to change to, or undefined if it offers none that can be passed on. HTTP/2 is
 * none of those: nobody here would understand the requests in it, and who offers it speaks HTTP/1.1 as well.
 */
export function offeredProtocols(req: IncomingMessage): string | undefined {
  const { connection, upgrade } = req.headers
  if (upgrade === undefined || connection === undefined) return undefined
  if (req.httpVersionMinor === 0 || hasBody(req)) return undefined
  if (!connectionOptions(connection).includes('upgrade')) return undefined
  const protocols = upgrade.split(',').map((name) => name.trim())
  const tunnelled = protocols.filter((name) => name !== '' && !/^h2c?$/i.test(name))
  return tunnelled.length > 0 ? tunnelled.join(', ') : undefined
}

/**
 * A request for which Node leaves HTTP only if it is a change of protocol that can be passed on. By itself Node does for
 * each that has an `Upgrade` field, if for any; and then the body of an upload that offers HTTP/2, as the HTTP clients
 * of some languages do with all of theirs, would not be read.
 */
export class UpgradableRequest extends IncomingMessage {
  declare upgradeSeen: boolean | null

  get upgrade(): boolean {
    return this.upgradeSeen === true && (this.method === 'CONNECT' || offeredProtocols(this) !== undefined)
  }

  set upgrade(isSeen: boolean | null) {
    this.upgradeSeen = isSeen
  }
}
