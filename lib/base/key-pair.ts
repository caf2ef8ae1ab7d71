import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The files of a certificate, followed by its chain, and of its private key; both in PEM. */
export interface KeyPairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A certificate and its private key, which match, in PEM. */
export interface KeyPair extends KeyPairFiles {
  readonly cert: string
  readonly key: string
  /** Host names that it is valid for, in lower case; `*.` matches one label. */
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
 * Reads a certificate and its key, and checks that they match.
 * @throws {Error} whose message names the file and the fault, and discloses nothing of its content
 */
export function readKeyPair({ certFile, keyFile }: KeyPairFiles): KeyPair {
  const cert = readCertificates(certFile)
  const key = readKey(keyFile)
  // The first certificate is the server's own, the others are its chain.
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

/**
 * Reads a file of one or more certificates in PEM.
 * @throws {Error} whose message names the file and the fault
 */
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

/**
 * Reads a private key in PEM.
 * @throws {Error} whose message names the file and the fault
 */
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

/** The DNS names of a certificate: its subject alternative names or, without any, its common name. */
function namesOf(certificate: X509Certificate): string[] {
  const listed = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^",]+)(?=,|$)/g)]
  const names = listed.map(([, name]) => name!)
  if (names.length === 0) names.push(/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '')
  return names.map((name) => name.toLowerCase()).filter((name) => NAME.test(name))
}
