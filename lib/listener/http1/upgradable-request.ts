import { IncomingMessage } from 'node:http'
import { connectionOptions } from '../../base/http/field-names.js'
import { hasBody } from '../../base/http/request-body.js'

/**
 * The protocols that a request offers to switch to (RFC 9110 section 7.8); undefined if none can be passed on. HTTP/2
 * cannot: its requests would not be balanced, and a client that offers it speaks HTTP/1.1 as well.
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
 * A request that Node treats as an upgrade only if it can be passed on as one. By default Node does so for every
 * `Upgrade` field, and would not read the body of an upload that offers HTTP/2, as some HTTP clients always do.
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
