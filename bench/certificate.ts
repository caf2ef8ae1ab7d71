import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Where a proxy finds what it needs to speak TLS to clients. */
export interface CertificateFiles {
  certFile: string
  keyFile: string
  /** Certificate and key in one, as HAProxy wants them. */
  bothFile: string
}

/** Makes a certificate for 127.0.0.1 with a P-256 key, signed by itself, in files of the folder. */
export function makeCertificate(openssl: string, folder: string): CertificateFiles {
  const [certFile, keyFile, bothFile] = ['cert', 'key', 'both'].map((name) =>
    path.join(folder, `${name}.pem`)
  ) as [string, string, string]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync(openssl, ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...subject], {
    stdio: 'ignore'
  })
  writeFileSync(bothFile, readFileSync(certFile, 'utf8') + readFileSync(keyFile, 'utf8'), { mode: 0o600 })
  return { certFile, keyFile, bothFile }
}

/** Variables that tell the small servers of `peers/` to speak TLS. */
export function tlsEnvironment(files: CertificateFiles | undefined): NodeJS.ProcessEnv {
  return files ? { BENCH_TLS_CERT: files.certFile, BENCH_TLS_KEY: files.keyFile } : {}
}
