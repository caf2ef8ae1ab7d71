/** Fields that tell of the way of a request, which the balancer writes itself. */
export const BALANCER_FIELDS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id'
]

/** Those of that kind that only a proxy in front may say. */
export const PROXY_FIELDS = [
  'x-forwarded-by',
  'x-forwarded-prefix',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-real-ip',
  'x-ssl-client-cn'
]
