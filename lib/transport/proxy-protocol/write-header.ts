import { isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from '../../base/address/canonical.js'
import { crc32c } from '../../listener/proxy-protocol/crc32c.js'
import {
  ClientFlag,
  type ClientTls,
  Command,
  type ConnectionDetails,
  CRC32C_BYTES,
  type Endpoints,
  Family,
  MAX_AUTHORITY_BYTES,
  MAX_UNIQUE_ID_BYTES,
  TLV_HEAD_BYTES,
  TlvType,
  V2_FIXED_BYTES,
  V2_SIGNATURE
} from '../../listener/proxy-protocol/header.js'

export type ProxyVersion = 1 | 2

/** A client's connection, for a PROXY protocol header. */
export interface ProxiedConnection extends ConnectionDetails {
  /** Undefined if unknown. */
  readonly source: Endpoints | undefined
}

/** Limit of the name of a certificate or cipher: the header should fit into one packet. */
const MAX_TEXT_BYTES = 255
/** Result of verification if there is no certificate, or it was not verified. */
const NOT_VERIFIED = 1

/** The header of a connection of the balancer's own: of a health check. */
export function localHeader(version: ProxyVersion): Buffer {
  return version === 1 ? Buffer.from('PROXY UNKNOWN\r\n') : framed(Command.local, Family.unspecified, [])
}

/**
 * The header for a client's connection (PROXY protocol, sections 2.1 and 2.2). Addresses of different families are
 * written as IPv6.
 */
export function proxyHeader(version: ProxyVersion, connection: ProxiedConnection): Buffer {
  return version === 1 ? version1(connection) : version2(connection)
}

function version1({ source }: ProxiedConnection): Buffer {
  const ends = endsOf(source)
  if (!source || !ends) return localHeader(1)
  const isIPv4Alone = ends.every(isIPv4)
  const [address, localAddress] = ends.map((end) => (isIPv4Alone || isIPv6(end) ? end : `::ffff:${end}`))
  const family = isIPv4Alone ? 'TCP4' : 'TCP6'
  return Buffer.from(`PROXY ${family} ${address} ${localAddress} ${source.port} ${source.localPort}\r\n`)
}

function version2(connection: ProxiedConnection): Buffer {
  const { source, alpn, authority, uniqueId, tls } = connection
  const tlvs = [tlv(TlvType.crc32c, Buffer.alloc(CRC32C_BYTES))]
  if (alpn !== undefined) tlvs.push(tlv(TlvType.alpn, Buffer.from(alpn, 'latin1')))
  if (authority !== undefined) tlvs.push(bounded(TlvType.authority, authority, MAX_AUTHORITY_BYTES))
  if (uniqueId !== undefined) tlvs.push(bounded(TlvType.uniqueId, uniqueId, MAX_UNIQUE_ID_BYTES, 'latin1'))
  if (tls) tlvs.push(tlv(TlvType.ssl, sslBlock(tls)))
  const ends = endsOf(source)
  const addresses = source && ends ? addressBlock(source, ends) : NOTHING
  const family =
    addresses.length === 0 ? Family.unspecified : addresses.length === 12 ? Family.tcp4 : Family.tcp6
  const header = framed(Command.proxy, family, [addresses, ...tlvs])
  const checksumAt = V2_FIXED_BYTES + addresses.length + TLV_HEAD_BYTES
  header.writeUInt32BE(crc32c(header), checksumAt)
  return header
}

const NOTHING = Buffer.alloc(0)

/** Both addresses in canonical form; undefined if one is invalid. */
function endsOf(source: Endpoints | undefined): string[] | undefined {
  if (!source) return undefined
  const ends = [canonicalAddress(source.address), canonicalAddress(source.localAddress)]
  return ends.every((end) => isIPv4(end) || isIPv6(end)) ? ends : undefined
}

function addressBlock(source: Endpoints, ends: readonly string[]): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(source.localPort, 2)
  const bytesOf = ends.every(isIPv4) ? ipv4Bytes : ipv6Bytes
  return Buffer.concat([...ends.map(bytesOf), ports])
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** IPv4 as IPv4-mapped IPv6. */
function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16)
  if (isIPv4(address)) {
    bytes.writeUInt16BE(0xffff, 10)
    ipv4Bytes(address).copy(bytes, 12)
    return bytes
  }
  const [before = '', behind] = address.split('::')
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'))
  const first = groupsOf(before)
  const last = groupsOf(behind ?? '')
  for (const [i, group] of first.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i)
  for (const [i, group] of last.entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * (8 - last.length + i))
  return bytes
}

function sslBlock({ version, cipher, signatureAlgorithm, keyAlgorithm, clientName }: ClientTls): Buffer {
  const isNamed = clientName !== undefined
  const flags = isNamed
    ? ClientFlag.ssl | ClientFlag.certificateOfConnection | ClientFlag.certificateOfSession
    : ClientFlag.ssl
  const head = Buffer.from([flags, 0, 0, 0, isNamed ? 0 : NOT_VERIFIED])
  const texts = [
    [TlvType.sslVersion, version],
    [TlvType.sslCommonName, clientName],
    [TlvType.sslCipher, cipher],
    [TlvType.sslSignatureAlgorithm, signatureAlgorithm],
    [TlvType.sslKeyAlgorithm, keyAlgorithm]
  ] as const
  return Buffer.concat([head, ...texts.map(([type, text]) => bounded(type, text ?? '', MAX_TEXT_BYTES))])
}

/** A TLV; nothing if the text is empty, or longer than its type allows. */
function bounded(type: number, text: string, maxBytes: number, encoding: BufferEncoding = 'utf8'): Buffer {
  const value = Buffer.from(text, encoding)
  return value.length === 0 || value.length > maxBytes ? NOTHING : tlv(type, value)
}

function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value])
}

function framed(command: number, family: number, parts: readonly Buffer[]): Buffer {
  const block = Buffer.concat(parts)
  const fixed = Buffer.from([0x20 | command, family, block.length >> 8, block.length & 255])
  return Buffer.concat([V2_SIGNATURE, fixed, block])
}
