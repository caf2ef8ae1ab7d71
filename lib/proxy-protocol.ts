import { isIP } from 'node:net'
import { canonicalAddress } from './address/canonical.js'

/** What the header of the PROXY protocol says. */
export interface ProxyHeader {
  /** Bytes of the header. */
  readonly length: number
  /** Whose connection it is; undefined of one that the proxy has made itself, or of which it does not know that. */
  readonly source: { readonly address: string; readonly localPort: number } | undefined
  /** Whether the proxy has made it itself, such as to check whether somebody listens. */
  readonly isLocal?: boolean
}

const SIGNATURE_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const FIXED_2 = 16
const MAX_LENGTH_2 = 4096
const SIGNATURE_1 = Buffer.from('PROXY ')
const MAX_LENGTH_1 = 107
const LINE_1 =
  /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|TCP([46]) ([0-9A-Fa-f:.]{2,45}) ([0-9A-Fa-f:.]{2,45}) (\d{1,5}) (\d{1,5}))\r\n$/
const MAX_PORT = 65_535
const LOCAL = 0
const PROXY = 1
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [TCP_OVER_IPV4]: 12, [TCP_OVER_IPV6]: 36 }

/**
 * Reads the header at the start of a connection (the PROXY protocol's specification, versions 1 and 2).
 * Returns undefined while it is not whole, and throws if it is none.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, SIGNATURE_1)) return readVersion1(bytes)
  if (startsLike(bytes, SIGNATURE_2)) return readVersion2(bytes)
  throw new Error('no header of the PROXY protocol')
}

function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length)
  return bytes.compare(signature, 0, length, 0, length) === 0
}

function readVersion1(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.indexOf('\r\n')
  if (end === -1 && bytes.length < MAX_LENGTH_1) return undefined
  const line = bytes.toString('latin1', 0, end + 2)
  const match = end + 2 <= MAX_LENGTH_1 ? LINE_1.exec(line) : null
  if (!match) throw new Error('broken header of the PROXY protocol')
  const [, family, address, localAddress, port, localPort] = match
  if (family === undefined) return { length: line.length, source: undefined }
  const isRight =
    [address, localAddress].every((text) => isIP(text!) === Number(family)) &&
    [port, localPort].every((text) => Number(text) <= MAX_PORT)
  if (!isRight) throw new Error('broken header of the PROXY protocol')
  return {
    length: line.length,
    source: { address: canonicalAddress(address!), localPort: Number(localPort) }
  }
}

function readVersion2(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length < FIXED_2) return undefined
  const version = bytes[12]! >> 4
  const command = bytes[12]! & 15
  const family = bytes[13]!
  const length = FIXED_2 + bytes.readUInt16BE(14)
  if (version !== 2 || command > PROXY || length > MAX_LENGTH_2)
    throw new Error('broken header of the PROXY protocol')
  if (bytes.length < length) return undefined
  if (command === LOCAL) return { length, source: undefined, isLocal: true }
  const addressBytes = ADDRESS_BYTES[family] ?? 0
  if (length < FIXED_2 + addressBytes) throw new Error('broken header of the PROXY protocol')
  if (family === TCP_OVER_IPV4) {
    const address = bytes.subarray(FIXED_2, FIXED_2 + 4).join('.')
    return { length, source: { address, localPort: bytes.readUInt16BE(FIXED_2 + 10) } }
  }
  if (family === TCP_OVER_IPV6) {
    return { length, source: { address: addressOf(bytes), localPort: bytes.readUInt16BE(FIXED_2 + 34) } }
  }
  return { length, source: undefined }
}

/** The source address of a header of version 2. */
function addressOf(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(FIXED_2 + 2 * i).toString(16))
  return canonicalAddress(groups.join(':'))
}
