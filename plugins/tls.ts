import fp from 'fastify-plugin'
import { sharedSecret } from '../lib/base/cells/shared-secret.js'
import { watchFiles } from '../lib/base/file-watch.js'
import type { Config } from '../lib/config/load.js'
import { TlsAcceptor } from '../lib/listener/tls/acceptor.js'
import { ServerCredentials } from '../lib/listener/tls/credentials.js'
import { BalancerCell } from '../lib/pool/cells.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Accepts TLS from clients; undefined for plain HTTP. */
    tls: TlsAcceptor | undefined
  }
}

/** TLS with clients, and the reload of certificates when their files change. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { registry, log, ownerLog, cells } = fastify
    const { tls } = config
    // Those that Node makes are each thread's own.
    const secret = tls && cells.threads.count > 1 ? sharedSecret(cells, 'ticket-secret') : undefined

    const acceptor = tls
      ? new TlsAcceptor(new ServerCredentials(tls, secret), {
          wantsCertificate: tls.clientCaFile !== '',
          timeoutMs: config.limits.headTimeoutMs,
          bufferSizeBytes: config.bufferSizeBytes,
          protocols: config.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
          onFailed: () => registry.counters.addTotal(BalancerCell.handshakesFailed, 1),
          onError: (error) =>
            log.debug({ code: (error as NodeJS.ErrnoException).code }, 'A handshake with a client failed')
        })
      : undefined
    fastify.decorate('tls', acceptor)
    if (acceptor) logCertificates(acceptor.credentials)

    if (tls && acceptor) {
      const read = () => reload(acceptor, new ServerCredentials(tls, secret))
      const watch = watchFiles(filesOf(tls), read, ({ message }) =>
        ownerLog.error(`The files of TLS have changed and are wrong, so all stays as it was: ${message}`)
      )
      fastify.addHook('onClose', async () => watch.stop())
    }

    function reload(acceptor: TlsAcceptor, credentials: ServerCredentials): void {
      if (credentials.equals(acceptor.credentials)) return
      acceptor.setCredentials(credentials)
      logCertificates(credentials)
    }

    function logCertificates({ pairs }: ServerCredentials): void {
      const now = new Date()
      for (const { certFile, names, validFrom, validTo } of pairs) {
        const fields = { certificate: certFile, names, validFrom, validTo }
        const message = `TLS for ${names.join(', ') || 'no name'}, valid until ${validTo.toISOString()}`
        if (now > validTo || now < validFrom) ownerLog.error(fields, `${message}: clients will refuse it`)
        else ownerLog.info(fields, message)
      }
    }
  },
  { name: 'tls', dependencies: ['backend-registry'] }
)

function filesOf({ pairs, clientCaFile }: NonNullable<Config['tls']>): string[] {
  const files = pairs.flatMap(({ certFile, keyFile }) => [certFile, keyFile])
  return clientCaFile === '' ? files : [...files, clientCaFile]
}
