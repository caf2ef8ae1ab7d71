import { type Fields, get, request } from '../../support/http2-frames.js'
import { CONTROLS, hex } from './case.js'

/** A request by HTTP/2 that no backend may see, byte for byte. */
export interface RefusedFields {
  readonly name: string
  /** Of RFC 9113, unless it names another. */
  readonly section: string
  readonly fields: Fields
  /** Statuses of which any will do, 0 for a stream that is reset. */
  readonly statuses: readonly number[]
}

const RIGHT = get('/refused')

function refused(
  section: string,
  cases: Readonly<Record<string, Fields>>,
  ...statuses: readonly number[]
): RefusedFields[] {
  return Object.entries(cases).map(([name, fields]) => ({
    name,
    section,
    fields,
    // A malformed request may be answered or reset (8.1.1).
    statuses: statuses.length === 0 || statuses.includes(400) ? [0, 400, ...statuses] : statuses
  }))
}

const without = (...names: string[]): Fields => RIGHT.filter(([name]) => !names.includes(name))
const with_ = (...more: Fields): Fields => [...RIGHT, ...more]
/** The same with another value. */
const changed = (name: string, value: string): Fields =>
  RIGHT.map(([known, before]) => [known, known === name ? value : before])
const allChanged = (name: string, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([what, value]) => [`${name} ${what}`, changed(name, value)]))
const connect = (...more: Fields): Fields => [[':method', 'CONNECT'], [':authority', 'x:80'], ...more]

export const pseudoFields: readonly RefusedFields[] = [
  ...refused('8.3.1', {
    'no :method': without(':method'),
    'no :scheme': without(':scheme'),
    'no :path': without(':path'),
    'neither :authority nor host': without(':authority'),
    'an empty host alone': [...without(':authority'), ['host', '']],
    'two :method': [[':method', 'GET'], ...RIGHT],
    'two :path': [[':path', '/b'], ...RIGHT],
    'two :path that are the same': [[':path', '/refused'], ...RIGHT],
    'two :scheme': [[':scheme', 'http'], ...RIGHT],
    'two :authority': [[':authority', 'x'], ...RIGHT]
  }),
  ...refused('8.3', {
    'a pseudo-field that nobody knows': [[':odd', 'x'], ...RIGHT],
    'one of responses': [[':status', '200'], ...RIGHT],
    'one behind a field': [...without(':path'), ['a', 'b'], [':path', '/refused']],
    'one in upper case': [...without(':path'), [':Path', '/refused']]
  }),
  ...refused('RFC 8441, 4', {
    ':protocol without CONNECT': [[':protocol', 'websocket'], ...RIGHT],
    'a WebSocket without a :path': connect([':protocol', 'websocket'], [':scheme', 'http'])
  }),
  ...refused('8.5', { 'a CONNECT with a :path': connect([':scheme', 'http'], [':path', '/']) }),
  ...refused(
    '8.5',
    {
      'a CONNECT': connect(),
      'a CONNECT for another protocol': connect(
        [':protocol', 'connect-udp'],
        [':scheme', 'http'],
        [':path', '/']
      )
    },
    501
  )
]

export const targets: readonly RefusedFields[] = [
  ...refused('8.3.1', {
    ...allChanged(':path', {
      'of nothing': '',
      'without a slash': 'refused',
      '* of a GET': '*',
      'that is absolute': 'http://x/refused',
      'that is absolute, of another host': 'http://y/refused',
      'of an authority': 'x:80',
      'with a space': '/a b',
      'with a request behind it': '/ HTTP/1.1\r\nHost: x\r\n\r\n',
      'with LF': '/a\nb',
      'with a tab': '/a\tb'
    }),
    '* and more of OPTIONS': request('OPTIONS', '*x')
  }),
  ...refused(
    '8.3.1',
    {
      ':path with a fragment': changed(':path', '/a#b'),
      ':path with obs-text': changed(':path', '/caf\xe9')
    },
    400
  ),
  ...refused('8.3.1', { ':path that is too long': changed(':path', `/${'a'.repeat(9000)}`) }, 414),
  ...refused(
    '8.3.1',
    allChanged(':authority', {
      'of nothing': '',
      'with a space': 'x y',
      'with a path': 'x/y',
      'with a query': 'x?y',
      'with fields behind it': 'x\r\na: b'
    })
  ),
  // Node resets them from version 22 on.
  ...refused('8.3.1', allChanged(':authority', { 'with a user': 'u@x', 'with a password': 'u:p@x' }), 0, 400),
  ...refused(
    '8.3.1',
    {
      ...allChanged(':authority', {
        'that is a list': 'a,b',
        'with a port too large': 'x:65536',
        'with a port of letters': 'x:y'
      }),
      ':authority and a host that differs': with_(['host', 'y']),
      ':authority and a host with another port': with_(['host', 'x:81'])
    },
    400
  ),
  ...refused('8.3.1', {
    ':authority and two hosts': with_(['host', 'x'], ['host', 'x']),
    ':authority and an empty host': with_(['host', '']),
    'two hosts': [...without(':authority'), ['host', 'x'], ['host', 'y']],
    'an empty host': [...without(':authority'), ['host', '']],
    'a host with a space': [...without(':authority'), ['host', 'x y']]
  }),
  ...refused('8.3.1', allChanged(':scheme', { 'of nothing': '', 'with a space': 'h t', 'of a digit': '1' })),
  ...refused('8.3.1', allChanged(':scheme', { ftp: 'ftp', ws: 'ws', 'with more': 'httpx' }), 400),
  ...refused('RFC 9110, 9.1', {
    ...allChanged(':method', {
      'of nothing': '',
      'with a space': 'GET /x HTTP/1.1',
      'with LF': 'GET\n',
      'with a colon': 'GET:'
    })
  }),
  ...refused(
    'RFC 9110, 9.1',
    allChanged(':method', { 'in lower case': 'get', unknown: 'FOO', PRI: 'PRI' }),
    501
  )
]

/** Control characters where none may be, in every part that is more than a field. */
export const controls: readonly RefusedFields[] = [...CONTROLS, '\r'].flatMap((char) =>
  [':method', ':path', ':authority', ':scheme'].flatMap((name) =>
    refused('8.3', {
      [`${name} with ${hex(char)}`]: changed(name, `${RIGHT.find(([n]) => n === name)![1]}${char}`)
    })
  )
)

export const fields: readonly RefusedFields[] = [
  ...refused('8.2.1', { 'a name in upper case': with_(['X-Upper', 'a']) }),
  ...refused('8.2.2', {
    connection: with_(['connection', 'close']),
    'keep-alive': with_(['keep-alive', '5']),
    'proxy-connection': with_(['proxy-connection', 'close']),
    'transfer-encoding': with_(['transfer-encoding', 'chunked']),
    upgrade: with_(['upgrade', 'websocket']),
    'te: gzip': with_(['te', 'gzip']),
    'te: trailers, gzip': with_(['te', 'trailers, gzip'])
  }),
  ...refused('8.1.1', {
    'a content-length, and nothing more': with_(['content-length', '5']),
    'two content-length': with_(['content-length', '0'], ['content-length', '0']),
    'content-length with a sign': with_(['content-length', '+0']),
    'content-length that is negative': with_(['content-length', '-1']),
    'an empty content-length': with_(['content-length', '']),
    'a content-length that is a list': with_(['content-length', '0, 0']),
    'a hexadecimal content-length': with_(['content-length', '0x0']),
    'a content-length above 2^64': with_(['content-length', '18446744073709551621'])
  }),
  ...refused(
    'RFC 9112, 6.3',
    { 'a content-length of 20 digits': with_(['content-length', '0'.repeat(20)]) },
    400
  ),
  ...refused('RFC 9110, 10.1.1', { 'an odd expect': with_(['expect', 'tea']) }, 417),
  ...refused('10.5.1', { 'too many fields': with_(...Array<Fields[number]>(1001).fill(['a', 'b'])) }, 431),
  ...refused('10.5.1', { 'a head too large': with_(['a', 'b'.repeat(8300)], ['c', 'd'.repeat(8300)]) }, 431),
  ...refused(
    'RFC 9110, 9.3.8',
    { 'TRACE with no hop left': [...request('TRACE', '/'), ['max-forwards', '0']] },
    405
  )
]
