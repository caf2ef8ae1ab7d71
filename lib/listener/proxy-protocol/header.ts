/** The two ends of a client's connection to a proxy. */
export interface Endpoints {
  readonly address: string
  readonly port: number
  /** What the client connected to. */
  readonly localAddress: string
  readonly localPort: number
}

/** TLS as a client speaks it to a proxy that ends it. */
export interface ClientTls {
  readonly version?: string
  readonly cipher?: string
  /** Of the certificate that the client was shown. */
  readonly signatureAlgorithm?: string
  readonly keyAlgorithm?: string
  /** Common name in the client's own certificate, where it has shown one that was verified. */
  readonly clientName?: string
}

/** What version 2 tells of a client's connection beside its ends; only what is known is set. */
export interface ConnectionDetails {
  readonly tls?: ClientTls
  /** The protocol that was agreed on (ALPN). */
  readonly alpn?: string
  /** The host that the client asked for (SNI, over TLS). */
  readonly authority?: string
  /** A name of the connection, of any bytes, a character a byte. */
  readonly uniqueId?: string
}

/** What the header of the PROXY protocol says. */
export interface ProxyHeader extends ConnectionDetails {
  /** Bytes of the header. */
  readonly length: number
  /** Whose connection it is; undefined of one that the proxy has made itself, or of which it does not know that. */
  readonly source: Endpoints | undefined
  /** Whether the proxy has made it itself, such as to check whether somebody listens. */
  readonly isLocal?: boolean
}

/** A connection does not begin with a header as it has to be. The message says why, in one of few ways. */
export class InvalidProxyHeader extends Error {}

/** First bytes of the two versions. */
export const V1_SIGNATURE = Buffer.from('PROXY ')
export const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Bytes of version 2 before its addresses: the signature, version and command, family, length. */
export const V2_FIXED_BYTES = 16

export const Command = { local: 0, proxy: 1 } as const

/** Family and transport, in one byte. */
export const Family = {
  unspecified: 0x00,
  tcp4: 0x11,
  udp4: 0x12,
  tcp6: 0x21,
  udp6: 0x22,
  unixStream: 0x31,
  unixDatagram: 0x32
} as const

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

/** Of the first byte in the TLV of TLS. */
export const ClientFlag = { ssl: 1, certificateOfConnection: 2, certificateOfSession: 4 } as const

/** Type and length. */
export const TLV_HEAD_BYTES = 3
/** The flags, and whether a certificate was verified, before what else is said of TLS. */
export const SSL_HEAD_BYTES = 5
export const CRC32C_BYTES = 4
export const MAX_AUTHORITY_BYTES = 255
export const MAX_UNIQUE_ID_BYTES = 128
