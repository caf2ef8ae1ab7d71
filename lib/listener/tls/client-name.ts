import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** As users of HAProxy call it. */
const FIELD = 'X-SSL-Client-CN'
/** What no field may have in it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones
const CONTROLS = /[\x00-\x1f\x7f]/

/** The common name in the certificate that a client has shown and that was verified, on a connection of TLS. */
export function clientCommonName(socket: Socket): string | undefined {
  const tls = socket as Partial<TLSSocket>
  if (!tls.authorized) return undefined
  const name = tls.getPeerCertificate!().subject?.CN as string | readonly string[] | undefined
  return typeof name === 'string' ? name : name?.[0]
}

/** The line that tells a backend that name, in UTF-8, with its CRLF; empty for none, or one that cannot be in a field. */
export function clientNameLine(name: string | undefined): string {
  if (name === undefined || name.trim() === '' || CONTROLS.test(name)) return ''
  return `${FIELD}: ${Buffer.from(name.trim()).toString('latin1')}\r\n`
}
