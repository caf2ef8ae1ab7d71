import { isIP } from 'node:net'
import { canonicalAddress } from '../../base/address/canonical.js'
import {
  Command,
  type Endpoints,
  Family,
  InvalidProxyHeader,
  type ProxyHeader,
  V1_SIGNATURE,
  V2_FIXED_BYTES,
  V2_SIGNATURE
} from './header.js'
import { parseTlvs, verifyChecksum } from './parse-tlvs.js'

/** As HAProxy accepts with buffers of its default size. */
const MAX_LENGTH_2 = 16_384
const MAX_LENGTH_1 = 107
const LINE_1 =
  /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|TCP([46]) ([0-9A-Fa-f:.]{2,45}) ([0-9A-Fa-f:.]{2,45}) (\d{1,5}) (\d{1,5}))\r\n$/
const MAX_PORT = 65_535
const MAX_FAMILY = 3
const MAX_TRANSPORT = 2
/** The length of the addresses of each family. */
const ADDRESS_BYTES = new Map<number, number>([
  [Family.unspecified, 0],
  [Family.tcp4, 12],
  [Family.udp4, 12],
  [Family.tcp6, 36],
  [Family.udp6, 36],
  [Family.unixStream, 216],
  [Family.unixDatagram, 216]
])
const BROKEN_LINE = 'is a broken line of version 1'

/**
 * Parses the header at the start of a connection (PROXY protocol, versions 1 and 2). Undefined while it is incomplete.
 * @throws {InvalidProxyHeader} if there is no valid header
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, V1_SIGNATURE)) return readVersion1(bytes)
  if (startsLike(bytes, V2_SIGNATURE)) return readVersion2(bytes)
  throw new InvalidProxyHeader('is missing')
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
  if (!match) throw new InvalidProxyHeader(BROKEN_LINE)
  const [, family, address, localAddress, port, localPort] = match
  if (family === undefined) return { length: line.length, source: undefined }
  const isRight =
    [address, localAddress].every((text) => isIP(text!) === Number(family)) &&
    [port, localPort].every((text) => Number(text) <= MAX_PORT)
  if (!isRight) throw new InvalidProxyHeader(BROKEN_LINE)
  const source: Endpoints = {
    address: canonicalAddress(address!),
    port: Number(port),
    localAddress: canonicalAddress(localAddress!),
    localPort: Number(localPort)
  }
  return { length: line.length, source }
}

function readVersion2(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined
  const version = bytes[12]! >> 4
  const command = bytes[12]! & 15
  const family = bytes[13]!
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14)
  if (version !== 2) throw new InvalidProxyHeader('is of a version that is not known')
  if (command > Command.proxy) throw new InvalidProxyHeader('has a command that is not known')
  if (length > MAX_LENGTH_2) throw new InvalidProxyHeader('is too long')
  if (bytes.length < length) return undefined
  const header = bytes.subarray(0, length)
  const addressBytes = ADDRESS_BYTES.get(family)
  if (command === Command.local) {
    verifyChecksum(header, V2_FIXED_BYTES + (addressBytes ?? 0))
    return { length, source: undefined, isLocal: true }
  }
  if (family >> 4 > MAX_FAMILY || (family & 15) > MAX_TRANSPORT)
    throw new InvalidProxyHeader('has a family that is not known')
  // Of an incompletely specified family, which counts as unspecified, the length of the addresses is unknown.
  if (addressBytes === undefined) return { length, source: undefined }
  if (length < V2_FIXED_BYTES + addressBytes) throw new InvalidProxyHeader('is too short for its addresses')
  return { length, source: endpointsOf(header, family), ...parseTlvs(header, V2_FIXED_BYTES + addressBytes) }
}

/** Undefined for all but TCP. */
function endpointsOf(header: Buffer, family: number): Endpoints | undefined {
  if (family !== Family.tcp4 && family !== Family.tcp6) return undefined
  const bytes = family === Family.tcp4 ? 4 : 16
  const read = family === Family.tcp4 ? readIPv4 : readIPv6
  return {
    address: read(header, V2_FIXED_BYTES),
    port: header.readUInt16BE(V2_FIXED_BYTES + 2 * bytes),
    localAddress: read(header, V2_FIXED_BYTES + bytes),
    localPort: header.readUInt16BE(V2_FIXED_BYTES + 2 * bytes + 2)
  }
}

function readIPv4(bytes: Buffer, at: number): string {
  return bytes.subarray(at, at + 4).join('.')
}

function readIPv6(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i).toString(16))
  return canonicalAddress(groups.join(':'))
}
