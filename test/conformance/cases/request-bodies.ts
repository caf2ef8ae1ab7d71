import { gzipSync } from 'node:zlib'
import type { Field } from '../../support/wire.js'
import type { Case } from './case.js'

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')

const BODIES: readonly [type: string, body: string][] = [
  ['application/json', '{"a": '],
  ['application/json', ''],
  ['application/json; charset=utf-8', '{"__proto__": {"a": 1}, "a": 1, "a": 2}'],
  ['application/x-www-form-urlencoded', 'a=%zz&&&=b'],
  ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data\r\n\r\nhalf'],
  ['multipart/form-data', 'no boundary'],
  ['text/plain', 'caf\xe9\0\r\n\r\n'],
  ['application/octet-stream', EVERY_BYTE],
  ['application/gzip', gzipSync('hello').toString('latin1')],
  ['of nothing', 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['', '0\r\n\r\n']
]

const declared = ([type, body]: (typeof BODIES)[number]): Case => ({
  name: `${body.length} bytes of ${type}, declared`,
  section: 'RFC 9110, 6.4',
  sent: `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  arrives: {
    framing: 'length',
    body,
    fields: [
      ['Content-Type', type],
      ['Content-Length', `${body.length}`]
    ]
  }
})

const inChunks = ([type, body]: (typeof BODIES)[number]): Case => ({
  name: `${body.length} bytes of ${type}, in chunks`,
  section: 'RFC 9112, 7.1',
  sent: `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: ${type}\r\n\r\n${[...body]
    .map((char) => `1\r\n${char}\r\n`)
    .join('')}0\r\n\r\n`,
  arrives: { framing: 'chunked', body, fields: [['Content-Type', type]], trailers: [] }
})

const HELLO = '5\r\nhello\r\n0\r\n'

const chunked = (
  name: string,
  section: string,
  coding: string,
  body: string,
  trailers: Field[] = []
): Case => ({
  name,
  section,
  sent: `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding${coding}\r\n\r\n${body}\r\n`,
  arrives: { framing: 'chunked', body: 'hello', trailers }
})

export const requestBodies: Readonly<Record<string, readonly Case[]>> = {
  'a body arrives byte for byte': [
    ...BODIES.map(declared),
    ...BODIES.filter(([, body]) => body !== '').map(inChunks)
  ],
  'a body in chunks stays one': [
    chunked('chunked in other case', 'RFC 9112, 7', ': cHUNKED', HELLO),
    chunked('chunked without white space', 'RFC 9112, 5', ':chunked', HELLO),
    chunked('chunked behind white space', 'RFC 9112, 5', ':\t  chunked', HELLO),
    chunked('digits in upper case', 'RFC 9112, 7.1', ': chunked', '00005\r\nhello\r\n0000\r\n'),
    chunked(
      'extensions, which go no further',
      'RFC 9112, 7.1.1',
      ': chunked',
      '5;a;b=c;d="e"\r\nhello\r\n0;x=y\r\n'
    ),
    chunked(
      'trailers',
      'RFC 9112, 7.1.2',
      ': chunked',
      `${HELLO}X-Sum: 1f\r\nX-Latin: \xe9\r\nx-sum: 2\r\n`,
      [
        ['X-Sum', '1f'],
        ['X-Latin', '\xe9'],
        ['x-sum', '2']
      ]
    ),
    chunked(
      'trailers of the connection',
      'RFC 9110, 7.6.1',
      ': chunked',
      `${HELLO}Connection: X\r\nX-Sum: 1\r\n`,
      [['X-Sum', '1']]
    ),
    chunked(
      'a trailer that names a host',
      'RFC 9110, 6.5.1',
      ': chunked',
      `${HELLO}Host: y\r\nX-Sum: 1\r\n`,
      [['X-Sum', '1']]
    ),
    chunked(
      'a trailer that would name the client',
      'RFC 9110, 6.5.1',
      ': chunked',
      `${HELLO}X-Forwarded-For: 6\r\nX: 1\r\n`,
      [['X', '1']]
    ),
    chunked(
      'a trailer of credentials',
      'RFC 9110, 6.5.1',
      ': chunked',
      `${HELLO}Authorization: x\r\nX: 1\r\n`,
      [['X', '1']]
    )
  ]
}
