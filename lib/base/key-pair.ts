import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Where a certificate lies, with those that lead to its authority behind it, and its private key. */
export interface KeyPairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A certificate and its key, which fit each other, as PEM. */
export interface KeyPair extends KeyPairFiles {
  readonly cert: string
  readonly key: string
  /** That it is valid for, in lower case; `*.` stands for one label. */
  readonly names: readonly string[]
  readonly validFrom: Date
  readonly validTo: Date
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder'
}
const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs
const NAME = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/**
 * Reads a pair, and finds out whether it is one.
 * @throws {Error} whose message names the file and says what is wrong with it, and nothing of what is in it
 */
export function readKeyPair({ certFile, keyFile }: KeyPairFiles): KeyPair {
  const cert = readCertificates(certFile)
  const key = readKey(keyFile)
  // The first is its own, the others lead to the authority.
  const own = new X509Certificate(cert)
  if (!own.checkPrivateKey(createPrivateKey(key)))
    throw new Error(`"${keyFile}" is not the key of the certificate in "${certFile}"`)
  return {
    certFile,
    keyFile,
    cert,
    key,
    names: namesOf(own),
    validFrom: new Date(own.validFrom),
    validTo: new Date(own.validTo)
  }
}

/** Reads a file of certificates: one or more, in PEM. */
export function readCertificates(file: string): string {
  const pem = readText(file)
  const found = pem.match(CERTIFICATE)
  if (!found) throw new Error(`"${file}" has no certificate in PEM`)
  for (const one of found) {
    try {
      new X509Certificate(one)
    } catch {
      throw new Error(`"${file}" has a broken certificate`)
    }
  }
  return pem
}

/** Reads the file of a private key in PEM. */
export function readKey(file: string): string {
  const pem = readText(file)
  try {
    createPrivateKey(pem)
  } catch {
    throw new Error(
      `"${file}" ${pem.includes('ENCRYPTED') ? 'is encrypted, which is of no use here' : 'has no private key in PEM'}`
    )
  }
  return pem
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new Error(`"${file}" cannot be read: ${READ_FAULTS[code] ?? code}`)
  }
}

/** The names of a certificate: those that it lists or, as of old, its subject. */
function namesOf(certificate: X509Certificate): string[] {
  const listed = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^",]+)(?=,|$)/g)]
  const names = listed.map(([, name]) => name!)
  if (names.length === 0) names.push(/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '')
  return names.map((name) => name.toLowerCase()).filter((name) => NAME.test(name))
}
