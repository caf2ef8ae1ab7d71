/** Descriptions of errors of connections to backends, for logs and statistics. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  LB_CONNECTION_CLOSED: 'connection closed',
  LB_CONNECT_TIMEOUT: 'connect timeout',
  LB_RESPONSE_TIMEOUT: 'response timeout',
  LB_NOT_HTTP2: 'does not speak HTTP/2',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'does not speak HTTP/2',
  ERR_SSL_TLS_ALERT_NO_APPLICATION_PROTOCOL: 'does not speak HTTP/2',
  LB_SETTINGS_TIMEOUT: 'connect timeout (no settings of HTTP/2)',
  LB_REQUEST_REFUSED: 'request refused unprocessed',
  LB_PING_TIMEOUT: 'connection silent',
  ETIMEDOUT: 'connect timeout',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'address not available',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name look-up failed',
  LB_LOOKUP_TIMEOUT: 'host name look-up timed out',
  LB_NO_INTERFACE: 'no such network interface',
  ENOENT: 'no such socket',
  EACCES: 'no permission to connect',
  ENOTSOCK: 'not a socket',
  EPROTOTYPE: 'not a socket for streams',
  EMFILE: 'out of file descriptors here (see ulimit -n)',
  ENFILE: 'out of file descriptors on this system',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate not trusted (self-signed)',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate not trusted (self-signed authority)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate not trusted (unknown authority)',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate not trusted (unknown authority)',
  CERT_HAS_EXPIRED: 'certificate expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate is for another name',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'wants a client certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: 'speaks no TLS',
  TimeoutError: 'timeout'
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'LB_LOOKUP_TIMEOUT',
  'LB_NO_INTERFACE',
  'ENOENT',
  'EACCES',
  'ENOTSOCK',
  'EPROTOTYPE'
])

/** The code of a network error; of an aggregate of several addresses, that of the last. Without a code, its name. */
export function networkErrorCode(error: unknown): string {
  const { code, name, errors } = error as { code?: string; name?: string; errors?: unknown[] }
  if (errors && errors.length > 0) return networkErrorCode(errors[errors.length - 1])
  return typeof code === 'string' ? code : (name ?? 'Error')
}

/** Describes a network error in a few words, without addresses. */
export function describeNetworkError(error: unknown): string {
  const code = networkErrorCode(error)
  if (DESCRIPTIONS[code]) return DESCRIPTIONS[code]
  if (code === 'LB_BROKEN_RESPONSE') return `broken response (${(error as Error).message})`
  if (code === 'LB_STREAM_RESET') return `request given up (${(error as Error).message})`
  return code
}

/** Whether the error proves that nothing listens there; a timeout only suggests it. */
export function isUnreachable(error: unknown): boolean {
  return UNREACHABLE.has(networkErrorCode(error))
}
