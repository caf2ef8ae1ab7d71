import { crc32c } from './crc32c.js'
import {
  ClientFlag,
  type ClientTls,
  type ConnectionDetails,
  CRC32C_BYTES,
  InvalidProxyHeader,
  MAX_AUTHORITY_BYTES,
  MAX_UNIQUE_ID_BYTES,
  SSL_HEAD_BYTES,
  TLV_HEAD_BYTES,
  TlvType
} from './header.js'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Parses the TLVs of a version 2 header, and verifies its checksum, if there is one. TLVs of other types are skipped.
 * @param header all of it
 * @param start position of the first TLV
 * @throws {InvalidProxyHeader} if a TLV exceeds the header, is too long or repeated, or the checksum is wrong
 */
export function parseTlvs(header: Buffer, start: number): ConnectionDetails {
  const details: Writable<ConnectionDetails> = {}
  const found = new Set<number>()
  eachTlv(header.subarray(start), (type, value, at) => {
    if (type === TlvType.crc32c) verify(header, start + at, value)
    else if (type === TlvType.ssl) Object.assign(details, readSsl(value))
    else if (type === TlvType.alpn) details.alpn = value.toString('latin1')
    else if (type === TlvType.authority) details.authority = bounded(value, MAX_AUTHORITY_BYTES).toString()
    else if (type === TlvType.uniqueId)
      details.uniqueId = bounded(value, MAX_UNIQUE_ID_BYTES).toString('latin1')
    else return
    once(found, type)
  })
  return details
}

/**
 * Verifies the checksum of a header, and ignores all other TLVs.
 * @throws {InvalidProxyHeader} if there is a checksum, and it is wrong
 */
export function verifyChecksum(header: Buffer, start: number): void {
  let end = start
  while (end + TLV_HEAD_BYTES <= header.length) {
    const value = end + TLV_HEAD_BYTES
    end = value + header.readUInt16BE(end + 1)
    if (end > header.length) return
    if (header[value - TLV_HEAD_BYTES] === TlvType.crc32c) verify(header, value, header.subarray(value, end))
  }
}

/** @param onTlv called with the type, the value and the position of the value of each */
function eachTlv(bytes: Buffer, onTlv: (type: number, value: Buffer, at: number) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const start = at + TLV_HEAD_BYTES
    if (start > bytes.length) throw new InvalidProxyHeader('ends amid a TLV')
    const end = start + bytes.readUInt16BE(at + 1)
    if (end > bytes.length) throw new InvalidProxyHeader('has a TLV that is longer than the header')
    onTlv(bytes[at]!, bytes.subarray(start, end), start)
    at = end
  }
}

/** Rejects a repeated TLV, of which two parsers could read a different one. */
function once(found: Set<number>, type: number): void {
  if (found.has(type)) throw new InvalidProxyHeader('has a TLV twice')
  found.add(type)
}

function bounded(value: Buffer, maxBytes: number): Buffer {
  if (value.length > maxBytes) throw new InvalidProxyHeader('has a TLV that is too long for its type')
  return value
}

function verify(header: Buffer, at: number, value: Buffer): void {
  if (value.length !== CRC32C_BYTES || crc32c(header, at) !== value.readUInt32BE())
    throw new InvalidProxyHeader('has a wrong checksum')
}

/** Parses the TLV `ssl`. The name in the client's certificate counts only if the proxy has verified that. */
function readSsl(value: Buffer): Pick<ConnectionDetails, 'tls'> {
  if (value.length < SSL_HEAD_BYTES) throw new InvalidProxyHeader('has too short a TLV of TLS')
  const flags = value[0]!
  const hasCertificate =
    (flags & (ClientFlag.certificateOfConnection | ClientFlag.certificateOfSession)) !== 0 &&
    value.readUInt32BE(1) === 0
  const tls: Writable<ClientTls> = {}
  const found = new Set<number>()
  eachTlv(value.subarray(SSL_HEAD_BYTES), (type, text) => {
    if (type === TlvType.sslVersion) tls.version = text.toString('latin1')
    else if (type === TlvType.sslCipher) tls.cipher = text.toString('latin1')
    else if (type === TlvType.sslSignatureAlgorithm) tls.signatureAlgorithm = text.toString('latin1')
    else if (type === TlvType.sslKeyAlgorithm) tls.keyAlgorithm = text.toString('latin1')
    else if (type !== TlvType.sslCommonName) return
    else if (hasCertificate) tls.clientName = text.toString()
    once(found, type)
  })
  return (flags & ClientFlag.ssl) === 0 ? {} : { tls }
}
