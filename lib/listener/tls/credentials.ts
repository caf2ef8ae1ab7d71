import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { type KeyPair, readCertificates, readKeyPair } from '../../base/key-pair.js'
import type { TlsConfig } from './options.js'

/** Those that keep what was said a secret even if the key is lost later, and that find out what was changed on the way. */
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

/** What is shown to clients, and asked of them, as it was when the files were read. */
export class ServerCredentials {
  readonly pairs: readonly KeyPair[]
  /** Of the first pair. */
  readonly options: SecureContextOptions
  readonly #contexts = new Map<string, SecureContext>()

  /** @throws {Error} if a file is wrong; the message says which, and in what way */
  constructor(config: TlsConfig) {
    const { pairs, clientCaFile, minVersion } = config
    const common: SecureContextOptions = {
      minVersion,
      ciphers: CIPHERS,
      // The work of a handshake, asked for again and again.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(clientCaFile === '' ? {} : { ca: readCertificates(clientCaFile) })
    }
    this.pairs = pairs.map(readKeyPair)
    const { cert, key } = this.pairs[0]!
    this.options = { ...common, cert, key }
    for (const { cert, key, names } of this.pairs) {
      const context = createSecureContext({ ...common, cert, key })
      for (const name of names) if (!this.#contexts.has(name)) this.#contexts.set(name, context)
    }
  }

  /** What is shown to a client that asks for a name; undefined if none is for that name more than the others. */
  contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase()
    return this.#contexts.get(name) ?? this.#contexts.get(`*${name.slice(name.indexOf('.'))}`)
  }

  /** Whether it is the same as other credentials. */
  equals({ pairs, options }: ServerCredentials): boolean {
    const same = ({ cert, key }: KeyPair, i: number) => cert === pairs[i]?.cert && key === pairs[i]?.key
    return this.options.ca === options.ca && this.pairs.every(same)
  }
}
