export const GET = [':method: GET', ':scheme: https', ':authority: a.example', ':path: /x?y=1']
export const POST = [':method: POST', ':scheme: http', ':path: /', ':authority: a.example:8080']
const WEBSOCKET = [
  ...[':method: CONNECT', ':protocol: websocket', ':scheme: https', ':path: /chat', ':authority: a.example'],
  'sec-websocket-version: 13'
]

/** A well-formed request, and what it becomes. */
export interface AcceptedRequest {
  /** Of RFC 9113, or another one. */
  readonly section: string
  readonly lines: readonly string[]
  /** Request line without the version, then the fields of the request; by default those of `GET`. */
  readonly http1: readonly string[]
  /** What a plain head passes on, if it is not what stands in `http1`. */
  readonly plain?: readonly string[]
  readonly isOpen?: boolean
  readonly hasBody?: boolean
  /** Why the head is not plain, for which the fields have to be looked at. */
  readonly special?: true
}

const OF_GET = ['GET /x?y=1', 'host: a.example']
const OF_POST = ['POST /', 'host: a.example:8080']
const CHUNKED = 'transfer-encoding: chunked'
const TE = ['TE: trailers', 'Connection: TE']

export const ACCEPTED: readonly AcceptedRequest[] = [
  { section: '8.3.1', lines: GET, http1: OF_GET },
  { section: '8.3.1, any order', lines: [...GET].reverse(), http1: OF_GET },
  { section: '8.1', lines: [...GET, 'accept: a', 'x-b: c, d'], http1: [...OF_GET, 'accept: a', 'x-b: c, d'] },
  {
    section: '5.3 of RFC 9110',
    lines: [...GET, 'a: 1', 'b: 2', 'a: 3'],
    http1: [...OF_GET, 'a: 1', 'b: 2', 'a: 3']
  },
  {
    section: '8.2.1, values',
    lines: [...GET, 'a: ', 'b: \xff\x80', 'c: d\te f'],
    http1: [...OF_GET, 'a: ', 'b: \xff\x80', 'c: d\te f']
  },
  {
    section: '8.2.1, names',
    lines: [...GET, "a!#$%&'*+-.^_`|~09z: 1"],
    http1: [...OF_GET, "a!#$%&'*+-.^_`|~09z: 1"]
  },
  {
    section: '8.2.3',
    lines: [...GET, 'cookie: a=1', 'x: y', 'cookie: b=2', 'cookie: c=3; d=4'],
    http1: [...OF_GET, 'x: y', 'cookie: a=1; b=2; c=3; d=4']
  },
  { section: '8.2.3, one', lines: [...GET, 'cookie: a=1'], http1: [...OF_GET, 'cookie: a=1'] },
  {
    section: '8.2.2, te',
    lines: [...GET, 'te: trailers', 'x: y'],
    http1: [...OF_GET, 'te: trailers', 'x: y'],
    plain: ['host: a.example', 'x: y', ...TE]
  },
  {
    section: '8.2.2, te in capitals',
    lines: [...GET, 'te: Trailers'],
    http1: [...OF_GET, 'te: Trailers'],
    plain: ['host: a.example', ...TE]
  },
  {
    section: '8.3.1, host alone',
    lines: [...GET.filter((line) => !line.startsWith(':authority')), 'x: y', 'host: b.example'],
    http1: ['GET /x?y=1', 'host: b.example', 'x: y']
  },
  ...['a.example', 'A.Example', 'a.example:443', 'a.example:'].map((host) => ({
    section: `8.3.1, the same host as ${host}`,
    lines: [...GET, 'x: y', `host: ${host}`],
    http1: [...OF_GET, 'x: y']
  })),
  {
    section: '8.3.1, OPTIONS',
    lines: [':method: OPTIONS', ':scheme: http', ':path: *', ':authority: a.example'],
    http1: ['OPTIONS *', 'host: a.example']
  },
  ...['HTTPS', 'Http'].map((scheme) => ({
    section: `3.1 of RFC 3986, ${scheme}`,
    lines: GET.map((line) => line.replace('https', scheme)),
    http1: OF_GET
  })),
  ...['/', '//', '/a//b/../c', '/%2e%00', '/a?b?c=d&', '/!$&\'()*+,;=:@-._~[]{}|\\^`"<>'].map((path) => ({
    section: `3.3 of RFC 3986, ${path}`,
    lines: GET.map((line) => line.replace('/x?y=1', () => path)),
    http1: [`GET ${path}`, 'host: a.example']
  })),
  ...['[::1]', '[::1]:8443', '192.0.2.1', 'a_b', 'xn--a:0', 'A'].map((host) => ({
    section: `3.2.2 of RFC 3986, ${host}`,
    lines: GET.map((line) => line.replace('a.example', host)),
    http1: ['GET /x?y=1', `host: ${host}`]
  })),
  ...['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => ({
    section: `9.3 of RFC 9110, ${method}`,
    lines: GET.map((line) => line.replace('GET', method)),
    http1: [`${method} /x?y=1`, 'host: a.example']
  })),
  ...['QUERY', 'get', 'PROPFIND', 'X!'].map((method) => ({
    section: `9.1 of RFC 9110, ${method}`,
    lines: GET.map((line) => line.replace('GET', method)),
    http1: [`${method} /x?y=1`, 'host: a.example'],
    special: true as const
  })),
  {
    section: '8.1, a body',
    lines: POST,
    isOpen: true,
    hasBody: true,
    http1: [...OF_POST, CHUNKED],
    plain: ['host: a.example:8080', 'Transfer-Encoding: chunked']
  },
  {
    section: '8.1, a body and te',
    lines: [...POST, 'te: trailers', 'cookie: a'],
    isOpen: true,
    hasBody: true,
    http1: [...OF_POST, 'te: trailers', 'cookie: a', CHUNKED],
    plain: ['host: a.example:8080', 'cookie: a', 'Transfer-Encoding: chunked', ...TE]
  },
  {
    section: '8.1, of GET',
    lines: GET,
    isOpen: true,
    hasBody: true,
    http1: [...OF_GET, CHUNKED],
    plain: ['host: a.example', 'Transfer-Encoding: chunked']
  },
  ...['1', '1000', '007'].map((length) => ({
    section: `8.1.1, ${length}`,
    lines: [...POST, `content-length: ${length}`, 'content-type: a/b'],
    isOpen: true,
    hasBody: true,
    http1: [...OF_POST, `content-length: ${length}`, 'content-type: a/b']
  })),
  { section: '8.1.1, none', lines: [...POST, 'content-length: 0'], http1: [...OF_POST, 'content-length: 0'] },
  {
    section: '8.1.1, none, open',
    lines: [...POST, 'content-length: 0'],
    isOpen: true,
    http1: [...OF_POST, 'content-length: 0']
  },
  { section: '4 of RFC 9218', lines: [...GET, 'priority: u=1, i'], http1: [...OF_GET, 'priority: u=1, i'] },
  {
    section: 'an id',
    lines: [...GET, 'x-request-id: a1'],
    http1: [...OF_GET, 'x-request-id: a1'],
    plain: ['host: a.example']
  },
  ...[
    'x-request-id: ',
    'via: 2.0 a',
    'expect: 100-continue',
    'x-forwarded-for: 192.0.2.1',
    'proxy: a',
    'grpc-timeout: 1S',
    'max-forwards: 1',
    'http2-settings: AAAA',
    'x_forwarded_for: a',
    'proxy-authorization: a',
    'content_length: 5'
  ].map((line) => ({
    section: `looked at, ${line}`,
    lines: [...GET, line],
    http1: [...OF_GET, line],
    special: true as const
  })),
  {
    section: 'two ids',
    lines: [...GET, 'x-request-id: a', 'x-request-id: b'],
    http1: [...OF_GET, 'x-request-id: a', 'x-request-id: b'],
    special: true
  },
  {
    section: '4 of RFC 8441',
    lines: WEBSOCKET,
    isOpen: true,
    special: true,
    http1: ['GET /chat', 'host: a.example', 'sec-websocket-version: 13', 'sec-websocket-key: *']
  },
  {
    section: '5 of RFC 8441, a key',
    lines: [...WEBSOCKET, 'sec-websocket-key: mine', 'content-length: 0'],
    isOpen: true,
    special: true,
    http1: [
      'GET /chat',
      'host: a.example',
      'sec-websocket-version: 13',
      'content-length: 0',
      'sec-websocket-key: *'
    ]
  },
  {
    section: '4 of RFC 8441, another protocol',
    lines: WEBSOCKET.map((line) => line.replace(': websocket', ': connect-udp')),
    isOpen: true,
    special: true,
    http1: ['CONNECT /chat', 'host: a.example', 'sec-websocket-version: 13']
  },
  {
    section: '8.5',
    lines: [':method: CONNECT', ':authority: a.example:443'],
    isOpen: true,
    special: true,
    http1: ['CONNECT ', 'host: a.example:443']
  }
]
