import { type KeyPairFiles, readCertificates, readKey, readKeyPair } from '../../base/key-pair.js'
import { integer, LIST_IN_FILE, oneOf, parsed } from '../../base/values/values.js'
import { type TlsConfig, VERSIONS } from '../../listener/tls/options.js'
import type { BackendTlsConfig } from '../../transport/sockets/tls-options.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'

const MAX_PORT = 65_535
const MAX_AGE_S = 315_360_000

/** The variables of TLS, to clients and to backends. */
export const tlsVariables = {
  LB_TLS_CERT: variable(pemFiles(readCertificates), {
    description:
      'Files of certificates (PEM, each with its chain), separated by commas or spaces: clients must then speak TLS. Of ' +
      'several, the one for the requested name (SNI) is used, and the first for all other names. Empty for plain ' +
      'HTTP.',
    fallback: '',
    flags: '--tls-cert <files>'
  }),
  LB_TLS_KEY: variable(pemFiles(readKey), {
    description: 'Files of their private keys (PEM, without a passphrase), in the same order.',
    fallback: '',
    flags: '--tls-key <files>'
  }),
  LB_TLS_MIN_VERSION: variable(oneOf(VERSIONS), {
    description: 'Minimum TLS version for clients: `TLSv1.2` or `TLSv1.3`.',
    fallback: 'TLSv1.2',
    flags: '--tls-min-version <version>'
  }),
  LB_TLS_CLIENT_CA: variable(pemFile(readCertificates), {
    description:
      'File of the authorities (PEM) that client certificates must be signed by; clients without one are refused. Empty ' +
      'for no client certificates.',
    fallback: '',
    flags: '--tls-client-ca <file>'
  }),
  LB_HTTPS_REDIRECT_PORT: variable(integer(0, MAX_PORT), {
    description: 'Port on which plain HTTP is redirected to `https://` (`308`). 0 opens none.',
    fallback: '0',
    flags: '--https-redirect-port <port>'
  }),
  LB_HTTPS_PORT: variable(integer(0, MAX_PORT), {
    description:
      'Port of `https://` that clients are redirected to. 0 means the port that the balancer listens on.',
    fallback: '0',
    flags: '--https-port <port>'
  }),
  LB_HSTS: variable(integer(0, MAX_AGE_S), {
    description:
      'Time for which browsers are told to use only TLS (`Strict-Transport-Security`), unless the response of the ' +
      'backend already says so. 0 adds no such field.',
    fallback: '0',
    unit: 'seconds',
    flags: '--hsts <seconds>'
  }),
  LB_BACKEND_CA: variable(pemFile(readCertificates), {
    description: 'File of further authorities (PEM) that are trusted for `https://` backends.',
    fallback: '',
    flags: '--backend-ca <file>'
  }),
  LB_BACKEND_CERT: variable(pemFile(readCertificates), {
    description: 'File of the client certificate (PEM, with its chain) for `https://` backends.',
    fallback: '',
    flags: '--backend-cert <file>'
  }),
  LB_BACKEND_KEY: variable(pemFile(readKey), {
    description: 'File of its private key (PEM, without a passphrase).',
    fallback: '',
    flags: '--backend-key <file>'
  })
}

type Values = ValuesOf<typeof tlsVariables>

export function tlsOf(values: Values): TlsConfig | undefined {
  if (values.LB_TLS_CERT.length === 0) return undefined
  return {
    pairs: values.LB_TLS_CERT.map((certFile, i) => ({ certFile, keyFile: values.LB_TLS_KEY[i]! })),
    minVersion: values.LB_TLS_MIN_VERSION,
    clientCaFile: values.LB_TLS_CLIENT_CA,
    redirectPort: values.LB_HTTPS_REDIRECT_PORT,
    publicPort: values.LB_HTTPS_PORT
  }
}

export function backendTlsOf(values: Values): BackendTlsConfig {
  return {
    caFile: values.LB_BACKEND_CA,
    certFile: values.LB_BACKEND_CERT,
    keyFile: values.LB_BACKEND_KEY
  }
}

/** What is wrong with values that are each valid by itself. */
export function tlsConflicts(
  values: Values & { PORT: number; LB_PROXY_PROTOCOL: boolean },
  needs: Needs
): string[] {
  const { LB_TLS_CERT: certs, LB_TLS_KEY: keys } = values
  const faults: string[] = []
  if (certs.length !== keys.length)
    faults.push(`LB_TLS_KEY must list as many files as LB_TLS_CERT, ${certs.length}, but has ${keys.length}`)
  else
    faults.push(...certs.flatMap((certFile, i) => pairFaults('LB_TLS_KEY', { certFile, keyFile: keys[i]! })))
  const isOn = certs.length > 0
  needs('LB_TLS_MIN_VERSION', values.LB_TLS_MIN_VERSION !== VERSIONS[0], 'LB_TLS_CERT', isOn)
  needs('LB_TLS_CLIENT_CA', values.LB_TLS_CLIENT_CA !== '', 'LB_TLS_CERT', isOn)
  needs('LB_HTTPS_REDIRECT_PORT', values.LB_HTTPS_REDIRECT_PORT > 0, 'LB_TLS_CERT', isOn)
  needs(
    'LB_HTTPS_PORT',
    values.LB_HTTPS_PORT > 0,
    'LB_HTTPS_REDIRECT_PORT',
    values.LB_HTTPS_REDIRECT_PORT > 0
  )
  const speakTls = isOn || values.LB_PROXY_PROTOCOL
  needs('LB_HSTS', values.LB_HSTS > 0, 'LB_TLS_CERT or LB_PROXY_PROTOCOL', speakTls)
  if (values.LB_HTTPS_REDIRECT_PORT > 0 && values.LB_HTTPS_REDIRECT_PORT === values.PORT)
    faults.push(`LB_HTTPS_REDIRECT_PORT must be another port than PORT, ${values.PORT}`)
  return faults
}

/** The same of TLS to backends. */
export function backendTlsConflicts(values: Values, needs: Needs): string[] {
  const { LB_BACKEND_CERT: cert, LB_BACKEND_KEY: key } = values
  needs('LB_BACKEND_CERT', cert !== '', 'LB_BACKEND_KEY', key !== '')
  needs('LB_BACKEND_KEY', key !== '', 'LB_BACKEND_CERT', cert !== '')
  return cert !== '' && key !== '' ? pairFaults('LB_BACKEND_KEY', { certFile: cert, keyFile: key }) : []
}

function pairFaults(name: string, files: KeyPairFiles): string[] {
  try {
    readKeyPair(files)
    return []
  } catch (error) {
    return [`${name} ${(error as Error).message}`]
  }
}

type Fault = (message: string) => void

/** The name of a file that `read` can read; empty for none. */
function pemFile(read: (file: string) => unknown) {
  return parsed<string>((text, fault) => (text === '' || isRead(text, read, fault) ? text : undefined))
}

/** Names of files, separated by commas or white space, that `read` can read. */
function pemFiles(read: (file: string) => unknown) {
  return parsed<string[]>((text, fault) => {
    const files = text.split(/[\s,]+/).filter(Boolean)
    for (const file of files) isRead(file, read, fault)
    return files
  }, LIST_IN_FILE)
}

function isRead(file: string, read: (file: string) => unknown, fault: Fault): boolean {
  try {
    read(file)
    return true
  } catch (error) {
    fault(`must name PEM files, but ${(error as Error).message}`)
    return false
  }
}
