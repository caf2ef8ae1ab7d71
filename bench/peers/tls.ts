import { readFileSync } from 'node:fs'

/** Certificate and key for a server of this folder, or undefined if it is to speak plain HTTP. */
export function readTls(): { cert: Buffer; key: Buffer } | undefined {
  const { BENCH_TLS_CERT: certFile, BENCH_TLS_KEY: keyFile } = process.env
  return certFile && keyFile ? { cert: readFileSync(certFile), key: readFileSync(keyFile) } : undefined
}
