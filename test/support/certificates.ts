import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { needs } from './command.js'

/** Of a kind that takes no time to make. */
export const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** The contents of keys and certificates, by what they are for. */
type Made = Map<string, readonly Buffer[]>

/** Makes certificates that are believed by those who believe it. */
export class Authority {
  readonly folder: string
  readonly file: string
  readonly #made: Made
  #issued = 0

  /** @param made what it takes from those before it, and leaves to those after it */
  constructor(folder: string, name = 'authority', made: Made = new Map()) {
    this.folder = folder
    this.file = path.join(folder, `${name}.pem`)
    this.#made = made
    mkdirSync(folder, { recursive: true })
    this.#once(name, [this.#keyFile, this.file], () => {
      const files = ['-keyout', this.#keyFile, '-out', this.file]
      openssl(['req', '-x509', ...NEW_KEY, ...files, '-days', '2', '-subj', `/CN=${name}`])
    })
  }

  get #keyFile(): string {
    return this.file.replace(/pem$/, 'key')
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8')
  }

  /** A certificate for these names and 127.0.0.1, and its key, in files of their own. */
  issue(...names: string[]): KeyPairFiles {
    const at = this.#issued++
    const base = path.join(this.folder, `${path.basename(this.file, '.pem')}-${at}`)
    const pair = { certFile: `${base}.pem`, keyFile: `${base}.key` }
    this.#once(`${at} ${names}`, [pair.keyFile, pair.certFile], () => this.#sign(base, pair, names))
    return pair
  }

  #sign(base: string, { certFile, keyFile }: KeyPairFiles, names: readonly string[]): void {
    const [request, extensions] = [`${base}.csr`, `${base}.ext`]
    writeFileSync(extensions, `subjectAltName=${names.map((name) => `DNS:${name},`).join('')}IP:127.0.0.1\n`)
    openssl(['req', '-new', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${names[0]}`])
    const signer = ['-CA', this.file, '-CAkey', this.#keyFile, '-CAcreateserial']
    const files = ['-in', request, '-extfile', extensions, '-out', certFile]
    openssl(['x509', '-req', ...signer, '-days', '2', ...files])
  }

  /** Has files made, or writes again what was made before. */
  #once(key: string, files: readonly string[], make: () => void): void {
    const before = this.#made.get(key)
    if (before) for (const [i, file] of files.entries()) writeFileSync(file, before[i]!, { mode: 0o600 })
    else {
      make()
      this.#made.set(
        key,
        files.map((file) => readFileSync(file))
      )
    }
  }
}

/** A certificate that nobody has signed but itself, for what its subject says alone, in files of their own. */
export function selfSigned(folder: string, subject: string): KeyPairFiles {
  const files = { certFile: path.join(folder, 'self.pem'), keyFile: path.join(folder, 'self.key') }
  const output = ['-keyout', files.keyFile, '-out', files.certFile]
  openssl(['req', '-x509', ...NEW_KEY, ...output, '-days', '2', '-subj', subject])
  return files
}

/** Three commands for each test take longer than most of what is done with their certificates. */
const shared: Made = new Map()

/**
 * An authority for a test, the same as for all others of this process, in files of its own; or undefined where there is
 * no openssl: then it is skipped.
 */
export function authority(t: Test): Authority | undefined {
  return needs(t, 'openssl') ? new Authority(t.testdir(), 'authority', shared) : undefined
}

/** What a client or server of Node wants of a pair. */
export function contents({ certFile, keyFile }: KeyPairFiles) {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
}

export function openssl(args: readonly string[]): void {
  execFileSync('openssl', [...args], { stdio: 'pipe' })
}
