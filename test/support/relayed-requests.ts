import { TOKEN } from './api.js'

const KNOWN = `Authorization: Bearer ${TOKEN}`
const BACKENDS = 'api/backends'

/** A request for a page, with a host unless its fields have one. */
function request(method: string, page: string, fields: readonly string[] = [], body = ''): string {
  const host = fields.some((field) => field.startsWith('Host:')) ? [] : ['Host: lb.internal']
  return [`${method} /__lb/${page} HTTP/1.1`, ...host, ...fields, '', body].join('\r\n')
}

function write(method: string, page: string, body: string, ...fields: string[]): string {
  const length = `Content-Length: ${body.length}`
  return request(method, page, [KNOWN, 'Content-Type: application/json', length, ...fields], body)
}

const READ = [
  '',
  'live',
  'ready',
  'ready?pool=x',
  'stats',
  'metrics',
  'page/app.js',
  'page/nosuch',
  'api/',
  'api'
]
  .concat(['api/openapi.json', 'api/pools', BACKENDS, `${BACKENDS}/127.0.0.1:1`, `${BACKENDS}/%31`, 'nosuch'])
  .concat(['%zz', 'x/../stats', '%73tats', 'stats/', 'stats?a=%zz', `api/pools/default/backends`])

/** A body with this field never comes: unless its request is refused, it is awaited. */
export const UNENDING = 'Content-Length: 99999999999'
const CHUNKED = 'Transfer-Encoding: chunked'
const JSON_TYPE = 'Content-Type: application/json'
const chunk = (size: number) => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`

/** Requests for all that is below `/__lb/`, one after the other: some change what the next ones see. */
export const REQUESTS: readonly string[] = [
  ...READ.map((page) => request('GET', page)),
  ...['', 'live', 'stats', 'events', 'nosuch'].map((page) => request('HEAD', page)),
  ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE', 'QUERIES'].map((name) =>
    request(name, 'stats')
  ),
  ...['POST', 'DELETE'].map((name) => request(name, '')),
  request('GET', '', ['If-None-Match: *']),
  request('GET', 'live', ['Connection: close']),
  request('GET', 'live', ['Expect: something']),
  request('GET', 'events', ['Origin: http://other.example']),
  // Hosts.
  ...['rebound.evil.example', '', 'localhost:1', '[::1]'].map((host) =>
    request('GET', 'stats', [`Host: ${host}`])
  ),
  request('GET', 'stats', ['Host: a', 'Host: b']),
  request('GET', 'stats', ['Host: rebound.evil.example', KNOWN]),
  'GET /__lb/stats HTTP/1.1\r\n\r\n',
  'GET /__lb/live HTTP/1.0\r\n\r\n',
  'GET /__lb/stats HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  // Bodies that nobody wants.
  request('GET', 'live', ['Content-Length: 5'], 'hello'),
  request('GET', 'live', ['Content-Length: 5', 'Connection: close'], 'he'),
  request('GET', 'nosuch', [CHUNKED], '5\r\nhello\r\n0\r\n\r\n'),
  request('POST', 'nosuch', [CHUNKED, 'Content-Type: application/grpc'], '5\r\nhello\r\n0\r\n\r\n'),
  request('POST', 'nosuch', ['Content-Type: application/grpc']),
  // The token.
  request('GET', 'api/token'),
  request('GET', 'api/token', [KNOWN]),
  request('GET', 'api/token', [KNOWN, 'Content-Length: 0']),
  request('GET', 'api/token', [KNOWN, 'Content-Length: 5'], 'hello'),
  request('GET', 'api/token', [KNOWN, KNOWN]),
  request('GET', 'api/token', [KNOWN, 'Origin: http://evil.example']),
  request('GET', 'api/token', [KNOWN, 'Origin: http://lb.internal']),
  request('GET', 'api/token', [KNOWN, 'Origin: https://lb.internal']),
  request('POST', BACKENDS),
  request('POST', BACKENDS, [JSON_TYPE, 'Content-Length: 5'], 'hello'),
  request('POST', BACKENDS, [JSON_TYPE, UNENDING]),
  request('POST', BACKENDS, [KNOWN]),
  request('POST', BACKENDS, [KNOWN, 'Content-Type: text/plain', 'Content-Length: 2'], '{}'),
  request('POST', BACKENDS, [KNOWN, JSON_TYPE]),
  request('POST', BACKENDS, [KNOWN, JSON_TYPE, UNENDING]),
  request('POST', BACKENDS, [KNOWN, JSON_TYPE, CHUNKED], chunk(300_000)),
  // What is wrong, and what is done.
  ...['{', '[]', '{"address":"a b"}', '{"address":"c.example:80","x":1}'].map((body) =>
    write('POST', BACKENDS, body)
  ),
  write('POST', BACKENDS, '{"address":"c.example:80"}'.padEnd(200_000)),
  write('POST', BACKENDS, '{"address":"c.example:80"}'),
  write('POST', BACKENDS, '{"address":"d.example:80"}', 'Expect: 100-continue'),
  request('POST', BACKENDS, [KNOWN, JSON_TYPE, CHUNKED], '1a\r\n{"address":"e.example:80"}\r\n0\r\n\r\n'),
  write('PATCH', `${BACKENDS}/c.example:80`, '{"weight":7}'),
  write('PATCH', `${BACKENDS}/c.example:80`, '{"weight":8}', 'If-Match: "other"'),
  write('PATCH', `${BACKENDS}/nosuch:80`, '{"weight":8}'),
  request('POST', `${BACKENDS}/c.example:80/reset`, [KNOWN]),
  request('DELETE', `${BACKENDS}/d.example:80`, [KNOWN]),
  request('GET', BACKENDS),
  write('PUT', BACKENDS, '[{"address":"c.example:80"}]'),
  request('DELETE', `${BACKENDS}/c.example:80`, [KNOWN])
]
