import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** As configurations of HAProxy name it. */
const FIELD = 'X-SSL-Client-CN'
/** Characters that no field value may have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones
const CONTROLS = /[\x00-\x1f\x7f]/

/** The common name in the verified certificate of a client; undefined without TLS or such a certificate. */
export function clientCommonName(socket: Socket): string | undefined {
  const tls = socket as Partial<TLSSocket>
  if (!tls.authorized) return undefined
  const name = tls.getPeerCertificate!().subject?.CN as string | readonly string[] | undefined
  return typeof name === 'string' ? name : name?.[0]
}

/** The field for that name, in UTF-8 bytes, with its CRLF; empty for none, or one that is invalid in a field. */
export function clientNameLine(name: string | undefined): string {
  if (name === undefined || name.trim() === '' || CONTROLS.test(name)) return ''
  return `${FIELD}: ${Buffer.from(name.trim()).toString('latin1')}\r\n`
}
