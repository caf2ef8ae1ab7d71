import type { Field } from '../../support/wire.js'
import type { Case } from './case.js'

const request = (lines: readonly string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

const line = ([name, value]: Field) => `${name}: ${value}`

const kept = (section: string, name: string, ...fields: Field[]): Case => ({
  name,
  section,
  sent: request(fields.map(line)),
  arrives: { fields }
})

const removed = (section: string, name: string, ...lines: string[]): Case => ({
  name,
  section,
  sent: request(['A: 1', ...lines, 'Z: 2']),
  arrives: {
    fields: [
      ['A', '1'],
      ['Z', '2']
    ]
  }
})

export const requestFields: Readonly<Record<string, readonly Case[]>> = {
  'fields arrive as they were sent': [
    kept('RFC 9110, 5.3', 'in their order', ['B', '1'], ['A', '2'], ['C', '3']),
    kept('RFC 9110, 5.3', 'twice', ['A', '1'], ['B', '2'], ['A', '3'], ['A', '1']),
    kept('RFC 9110, 5.1', 'in their case', ['aCCEPT', 'x'], ['ACCEPT', 'x'], ['x-a', 'B']),
    kept('RFC 9110, 5.5', 'empty', ['Accept', ''], ['X', '']),
    kept('RFC 9110, 5.5', 'with obs-text', ['X', 'caf\xe9 \x80\xff'], ['Y', '\xc3\xa9']),
    kept('RFC 9110, 5.5', 'with white space inside', ['X', 'a \t b  c']),
    kept('RFC 9110, 5.6.4', 'with quotes and commas', ['X', '"a, \\"b", , c;d="e']),
    kept('RFC 9110, 5.6.2', 'with every character of a name', ["!#$%&'*+-.^_`|~09azAZ", 'x']),
    kept(
      'RFC 9110, 5.1',
      'whose names objects have',
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', 'z']
    ),
    kept(
      'RFC 6265, 5.4',
      'that are cookies, not joined',
      ['Cookie', 'a=1; b'],
      ['Cookie', 'c=2'],
      ['cookie', '']
    ),
    kept('RFC 9110, 5.5', 'whatever they mean', ['Date', 'no date'], ['Age', '-1'], ['Content-Type', '']),
    kept(
      'RFC 9110, 5.4',
      'as many as a hundred',
      ...Array.from({ length: 100 }, (_, i): Field => [`X-${i}`, `${i}`])
    ),
    kept('RFC 9110, 5.4', 'as long as 7 000 bytes', ['X', 'v'.repeat(7000)]),
    kept('RFC 9110, 6.6.2', 'that announce trailers', ['Trailer', 'X-Sum']),
    kept('RFC 9110, 7.6.2', 'that limit forwarding', ['Max-Forwards', '0']),
    kept('RFC 9110, 11.6.2', 'that are credentials', ['Authorization', 'Basic Og==']),
    kept(
      'RFC 9110, 12.5.3',
      'of negotiation',
      ['Accept-Encoding', 'gzip;q=0'],
      ['Accept-Charset', 'x'],
      ['Accept', '']
    ),
    kept('RFC 9110, 14.2', 'of ranges', ['Range', 'bytes=0-0,-1'], ['If-Range', '"e"'], ['If-Match', '*']),
    {
      name: 'without white space around them',
      section: 'RFC 9112, 5.1',
      sent: request(['A:1', 'B: \t 2 \t ', 'C:', 'D: \t', 'E:\t3']),
      arrives: {
        fields: [
          ['A', '1'],
          ['B', '2'],
          ['C', ''],
          ['D', ''],
          ['E', '3']
        ]
      }
    }
  ],
  'fields of the connection to the client go no further': [
    removed('RFC 9110, 7.6.1', 'a field that Connection names', 'Connection: X-Named', 'X-Named: 1'),
    removed('RFC 9110, 7.6.1', 'before it is named', 'X-Named: 1', 'Connection: x-NAMED'),
    removed('RFC 9110, 7.6.1', 'all of that name', 'X-N: 1', 'Connection: X-N', 'X-N: 2', 'x-n: 3'),
    removed('RFC 9110, 7.6.1', 'in a list', 'Connection: ,close,\tX-A ,, x-b,', 'X-A: 1', 'X-B: 2'),
    removed('RFC 9110, 7.6.1', 'in two lists', 'Connection: X-A', 'X-A: 1', 'connection: X-B', 'X-B: 2'),
    removed('RFC 9110, 7.6.1', 'what is named is not there', 'Connection: X-A, Connection'),
    removed('RFC 9110, 7.6.1', 'an empty Connection', 'Connection:'),
    removed('RFC 9110, 7.6.1', 'a Connection that is none', 'Connection: ///, "x", a b'),
    removed('RFC 9110, 7.6.1', 'Keep-Alive', 'Keep-Alive: timeout=5', 'keep-alive: x'),
    removed('RFC 9110, 7.6.1', 'Proxy-Connection', 'Proxy-Connection: keep-alive'),
    removed('RFC 9110, 11.7.2', 'Proxy-Authorization', 'Proxy-Authorization: Basic Og=='),
    removed('RFC 9110, 10.1.4', 'TE of codings', 'TE: gzip;q=0.5', 'Connection: TE'),
    removed('RFC 9110, 10.1.4', 'an empty TE', 'TE:'),
    removed('RFC 9110, 7.8', 'Upgrade without Connection', 'Upgrade: websocket'),
    removed(
      'RFC 9113, 3.1',
      'an upgrade to h2c',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAA'
    ),
    removed('RFC 9113, 3.1', 'HTTP2-Settings', 'HTTP2-Settings: AAA')
  ]
}
