import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { needs } from './command.js'

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Makes certificates that are believed by those who believe it. */
export class Authority {
  readonly folder: string
  readonly file: string
  #issued = 0

  constructor(folder: string, name = 'authority') {
    this.folder = folder
    this.file = path.join(folder, `${name}.pem`)
    mkdirSync(folder, { recursive: true })
    const files = ['-keyout', this.#keyFile, '-out', this.file]
    openssl(['req', '-x509', ...NEW_KEY, ...files, '-days', '2', '-subj', `/CN=${name}`])
  }

  get #keyFile(): string {
    return this.file.replace(/pem$/, 'key')
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8')
  }

  /** A certificate for these names and 127.0.0.1, and its key, in files of their own. */
  issue(...names: string[]): KeyPairFiles {
    const base = path.join(this.folder, `${path.basename(this.file, '.pem')}-${this.#issued++}`)
    const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(
      (end) => `${base}.${end}`
    )
    writeFileSync(extensions!, `subjectAltName=${names.map((name) => `DNS:${name},`).join('')}IP:127.0.0.1\n`)
    openssl(['req', '-new', ...NEW_KEY, '-keyout', keyFile!, '-out', request!, '-subj', `/CN=${names[0]}`])
    const signer = ['-CA', this.file, '-CAkey', this.#keyFile, '-CAcreateserial']
    openssl([
      'x509',
      '-req',
      '-in',
      request!,
      ...signer,
      '-days',
      '2',
      '-extfile',
      extensions!,
      '-out',
      certFile!
    ])
    return { certFile: certFile!, keyFile: keyFile! }
  }
}

/** A certificate that nobody has signed but itself, for what its subject says alone, in files of their own. */
export function selfSigned(folder: string, subject: string): KeyPairFiles {
  const files = { certFile: path.join(folder, 'self.pem'), keyFile: path.join(folder, 'self.key') }
  const output = ['-keyout', files.keyFile, '-out', files.certFile]
  openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...output, '-days', '2', '-subj', subject])
  return files
}

/** An authority for a test, or undefined where there is no openssl: then it is skipped. */
export function authority(t: Test): Authority | undefined {
  return needs(t, 'openssl') ? new Authority(t.testdir()) : undefined
}

/** What a client or server of Node wants of a pair. */
export function contents({ certFile, keyFile }: KeyPairFiles) {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
}

export function openssl(args: readonly string[]): void {
  execFileSync('openssl', [...args], { stdio: 'pipe' })
}
