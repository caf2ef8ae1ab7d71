import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import tap from 'tap'
import { Authority } from './certificates.js'
import { needs } from './command.js'
import { shown } from './secure-balancer.js'
import { everywhere } from './secure-ports.js'

/** Runs the tests of other files over again, with TLS between their clients and the balancer. */
export function overTls(...files: readonly string[]): void {
  if (!needs(tap, 'openssl')) return
  secureAll()
  for (const file of files) require(`../${file}.test.js`)
}

/** Once for all files of this process. */
function secureAll(): void {
  if (everywhere.client) return
  const folder = mkdtempSync(path.join(tmpdir(), 'over-tls-'))
  tap.teardown(() => rmSync(folder, { recursive: true }))
  const by = new Authority(folder)
  everywhere.env = shown(by.issue('localhost'))
  // Of `ca` alone each connection would make a context of its own, which takes longer than its handshake.
  const secureContext = createSecureContext({ ca: by.pem })
  everywhere.client = { ca: by.pem, secureContext, servername: 'localhost' }
}
