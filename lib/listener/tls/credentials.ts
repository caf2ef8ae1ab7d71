import { constants, createHash, hkdfSync } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { type KeyPair, readCertificates, readKeyPair } from '../../base/key-pair.js'
import type { TlsConfig } from './options.js'

/** Cipher suites with forward secrecy and authenticated encryption (AEAD). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** Name, HMAC and AES key of tickets, as Node takes them. */
const TICKET_KEYS_BYTES = 48

/** The certificates that clients are shown, and the CA of theirs, as of when the files were read. */
export class ServerCredentials {
  readonly pairs: readonly KeyPair[]
  /** With the first pair, the default. */
  readonly options: SecureContextOptions
  readonly #contexts = new Map<string, SecureContext>()

  /**
   * @param ticketSecret from which the keys of session tickets are made, where threads have it in common
   * @throws {Error} if a file is invalid; the message names it and the fault
   */
  constructor(config: TlsConfig, ticketSecret?: Buffer) {
    const { pairs, clientCaFile, minVersion } = config
    const common: SecureContextOptions = {
      minVersion,
      ciphers: CIPHERS,
      // A client could make the server repeat the costly handshake.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(clientCaFile === '' ? {} : { ca: readCertificates(clientCaFile) })
    }
    this.pairs = pairs.map(readKeyPair)
    const { cert, key } = this.pairs[0]!
    if (ticketSecret) common.ticketKeys = this.#ticketKeys(ticketSecret, common.ca)
    this.options = { ...common, cert, key }
    for (const { cert, key, names } of this.pairs) {
      const context = createSecureContext({ ...common, cert, key })
      for (const name of names) if (!this.#contexts.has(name)) this.#contexts.set(name, context)
    }
  }

  /** Other files have other ones: a session must not outlive what its client was judged by. */
  #ticketKeys(secret: Buffer, ca: SecureContextOptions['ca']): Buffer {
    const files = createHash('sha256')
    for (const part of [ca, ...this.pairs.flatMap(({ cert, key }) => [cert, key])]) files.update(`${part}\0`)
    return Buffer.from(hkdfSync('sha256', secret, '', files.digest(), TICKET_KEYS_BYTES))
  }

  /** The context for a server name (SNI), exact or wildcard; undefined for the default. */
  contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase()
    return this.#contexts.get(name) ?? this.#contexts.get(`*${name.slice(name.indexOf('.'))}`)
  }

  /** Whether certificates, keys and CA are the same as others. */
  equals({ pairs, options }: ServerCredentials): boolean {
    const same = ({ cert, key }: KeyPair, i: number) => cert === pairs[i]?.cert && key === pairs[i]?.key
    return this.options.ca === options.ca && this.pairs.every(same)
  }
}
