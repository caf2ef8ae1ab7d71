import { readFileSync } from 'node:fs'
import tls, { createSecureContext, type SecureContext } from 'node:tls'
import { readCertificates, readKeyPair } from '../../base/key-pair.js'
import type { BackendTlsConfig } from './tls-options.js'

/** The client certificate for `https://` backends, and the CAs that are trusted: the same for all of them. */
export class BackendCredentials {
  readonly #config: BackendTlsConfig
  #context: SecureContext | undefined

  constructor(config: BackendTlsConfig) {
    this.#config = config
  }

  /** The files to watch. */
  get files(): string[] {
    const { caFile, certFile, keyFile } = this.#config
    return [caFile, certFile, keyFile].filter((file) => file !== '')
  }

  /** For new connections. Created on first use, as most balancers need none. */
  get context(): SecureContext {
    this.#context ??= contextOf(this.#config)
    return this.#context
  }

  /**
   * Reads the files again.
   * @throws {Error} if one is invalid: then nothing changes
   */
  reload(): void {
    this.#context = contextOf(this.#config)
  }
}

function contextOf(config: BackendTlsConfig): SecureContext {
  const { caFile, certFile } = config
  const pair = certFile === '' ? undefined : readKeyPair(config)
  const created = createSecureContext(pair ? { cert: pair.cert, key: pair.key } : {})
  if (caFile === '') return created
  // Beside those that Node trusts by default: as `ca` all of these would be parsed again, which takes 30 to 100 ms.
  for (const authorities of [readCertificates(caFile), ...forgottenAuthorities()])
    created.context.addCACert(authorities)
  return created
}

/** In Node 22.15 and later. */
interface Authorities {
  readonly getCACertificates?: (kind: 'default') => string[]
}

/** Those of `NODE_EXTRA_CA_CERTS`, which older versions of Node no longer trust once another is added. */
function forgottenAuthorities(): readonly string[] {
  const extra = process.env.NODE_EXTRA_CA_CERTS
  return extra && !(tls as Authorities).getCACertificates ? [readFileSync(extra, 'utf8')] : []
}
