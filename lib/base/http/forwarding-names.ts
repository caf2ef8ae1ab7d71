/** Forwarding fields that the balancer sets itself; in lower case, as all here. */
export const BALANCER_FIELDS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id'
]

/** Forwarding fields that are passed on from trusted proxies alone. */
export const PROXY_FIELDS = [
  'x-forwarded-by',
  'x-forwarded-prefix',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-real-ip',
  'x-ssl-client-cn'
]

/** Fields that delimit a message, or are of one connection (RFC 9110 section 7.6.1). */
export const MESSAGE_FIELDS = [
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
]
