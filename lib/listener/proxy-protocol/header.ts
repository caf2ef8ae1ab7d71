/** The two endpoints of a client's connection to a proxy. */
export interface Endpoints {
  readonly address: string
  readonly port: number
  /** The address that the client connected to. */
  readonly localAddress: string
  readonly localPort: number
}

/** TLS between a client and the proxy that terminates it. */
export interface ClientTls {
  readonly version?: string
  readonly cipher?: string
  /** Of the proxy's certificate. */
  readonly signatureAlgorithm?: string
  readonly keyAlgorithm?: string
  /** Common name in the client's certificate, if that was verified. */
  readonly clientName?: string
}

/** What the TLVs of version 2 say about a client's connection; absent if unknown. */
export interface ConnectionDetails {
  readonly tls?: ClientTls
  /** The negotiated protocol (ALPN). */
  readonly alpn?: string
  /** The host name that the client sent (SNI, over TLS). */
  readonly authority?: string
  /** An identifier of the connection, of any bytes, in latin1. */
  readonly uniqueId?: string
}

/** A PROXY protocol header. */
export interface ProxyHeader extends ConnectionDetails {
  /** In bytes. */
  readonly length: number
  /** The client's connection; undefined if it is the proxy's own, or unknown. */
  readonly source: Endpoints | undefined
  /** Whether the connection is the proxy's own, such as for a health check. */
  readonly isLocal?: boolean
}

/** A connection does not begin with a valid header. The message is one of a few reasons. */
export class InvalidProxyHeader extends Error {}

/** The first bytes of the two versions. */
export const V1_SIGNATURE = Buffer.from('PROXY ')
export const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** The length of version 2 before its addresses: signature, version and command, family, length. */
export const V2_FIXED_BYTES = 16

/** Commands of version 2. */
export const Command = { local: 0, proxy: 1 } as const

/** Address family and transport of version 2, in one byte. */
export const Family = {
  unspecified: 0x00,
  tcp4: 0x11,
  udp4: 0x12,
  tcp6: 0x21,
  udp6: 0x22,
  unixStream: 0x31,
  unixDatagram: 0x32
} as const

/** Types of TLVs. */
export const TlvType = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
  sslSignatureAlgorithm: 0x24,
  sslKeyAlgorithm: 0x25
} as const

/** Flags in the first byte of the TLV `ssl`. */
export const ClientFlag = { ssl: 1, certificateOfConnection: 2, certificateOfSession: 4 } as const

/** The length of a TLV's type and length. */
export const TLV_HEAD_BYTES = 3
/** The length of the flags and the result of verification, before the sub-TLVs of `ssl`. */
export const SSL_HEAD_BYTES = 5
export const CRC32C_BYTES = 4
export const MAX_AUTHORITY_BYTES = 255
export const MAX_UNIQUE_ID_BYTES = 128
