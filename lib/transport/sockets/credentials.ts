import { readFileSync } from 'node:fs'
import tls, { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { readCertificates, readKeyPair } from '../../base/key-pair.js'
import type { BackendTlsConfig } from './tls-options.js'

/** What is shown to `https://` backends, and whom they are believed by: the same for all of them. */
export class BackendCredentials {
  readonly #config: BackendTlsConfig
  #context: SecureContext | undefined

  constructor(config: BackendTlsConfig) {
    this.#config = config
  }

  /** The files that it is read from. */
  get files(): string[] {
    const { caFile, certFile, keyFile } = this.#config
    return [caFile, certFile, keyFile].filter((file) => file !== '')
  }

  /** For connections to come. Made when it is first needed, as most balancers never do. */
  get context(): SecureContext {
    this.#context ??= contextOf(this.#config)
    return this.#context
  }

  /**
   * Reads the files anew.
   * @throws {Error} if they are wrong: then all stays as it was
   */
  reload(): void {
    this.#context = contextOf(this.#config)
  }
}

function contextOf(config: BackendTlsConfig): SecureContext {
  const { caFile, certFile } = config
  const pair = certFile === '' ? undefined : readKeyPair(config)
  return createSecureContext({
    ...(caFile === '' ? {} : { ca: [...defaultAuthorities(), readCertificates(caFile)] }),
    ...(pair ? { cert: pair.cert, key: pair.key } : {})
  })
}

/** From Node 22.15 on. */
interface Authorities {
  readonly getCACertificates?: (kind: 'default') => string[]
}

/** Those that Node believes by itself. */
function defaultAuthorities(): readonly string[] {
  const { getCACertificates } = tls as Authorities
  if (getCACertificates) return getCACertificates('default')
  const extra = process.env.NODE_EXTRA_CA_CERTS
  return extra ? [...rootCertificates, readFileSync(extra, 'utf8')] : rootCertificates
}
