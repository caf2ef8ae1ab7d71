import type { Field, Message } from '../../support/wire.js'
import type { Case } from './case.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const HEAD = 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'

const answer = (line: string, fields: readonly Field[], body = '') =>
  `HTTP/1.1 ${line}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`

const bodiless = (
  section: string,
  name: string,
  sent: string,
  line: string,
  given: Field[],
  wanted = given
): Case => ({
  name,
  section,
  sent,
  answer: answer(line, given),
  gets: { line: `HTTP/1.1 ${line}`, fields: wanted, body: '' }
})

const TEN: Field = ['Content-Length', '10']

const ETAG: Field = ['ETag', '"e"']

const TE = 'Transfer-Encoding: chunked\r\n'

const framed = (
  section: string,
  name: string,
  bytes: string,
  framing: Message['framing'],
  body = 'hello'
): Case => ({
  name,
  section,
  sent: GET,
  answer: `HTTP/1.1 200 OK\r\n${bytes}`,
  gets: { framing, body, trailers: [] }
})

export const responseBodies: Readonly<Record<string, readonly Case[]>> = {
  'a response without a body has none': [
    bodiless('RFC 9110, 9.3.2', 'HEAD', HEAD, '200 OK', [ETAG]),
    bodiless('RFC 9110, 9.3.2', 'HEAD with a length', HEAD, '200 OK', [TEN, ETAG]),
    bodiless('RFC 9110, 9.3.2', 'HEAD with a length of none', HEAD, '404 No', [['Content-Length', '0']]),
    bodiless('RFC 9110, 15.4.5', '304', GET, '304 Not Modified', [ETAG]),
    bodiless('RFC 9110, 15.4.5', '304 with a length', GET, '304 Not Modified', [TEN, ETAG]),
    bodiless('RFC 9110, 15.4.5', '304 to HEAD', HEAD, '304 Not Modified', [TEN]),
    bodiless('RFC 9110, 15.3.5', '204', GET, '204 No Content', [ETAG]),
    bodiless(
      'RFC 9110, 8.6',
      '204 with a length',
      GET,
      '204 No Content',
      [['Content-Length', '0'], ETAG],
      [ETAG]
    ),
    bodiless('RFC 9110, 15.3.6', '205', GET, '205 Reset Content', [['Content-Length', '0']]),
    bodiless('RFC 9112, 6.3', 'a length of none', GET, '200 OK', [['Content-Length', '0']])
  ],
  'a body keeps its framing': [
    framed('RFC 9112, 6.2', 'a length', 'Content-Length: 5\r\n\r\nhello', 'length'),
    framed('RFC 9112, 6.2', 'a length with zeros', 'Content-Length: 005\r\n\r\nhello', 'length'),
    framed('RFC 9112, 7.1', 'chunks', `${TE}\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, 'chunked'),
    framed('RFC 9112, 7.1', 'no chunks', `${TE}\r\n0\r\n\r\n`, 'chunked', ''),
    framed('RFC 9112, 7.1', 'chunks with zeros', `${TE}\r\n0005\r\nhello\r\n000\r\n\r\n`, 'chunked'),
    framed(
      'RFC 9112, 7',
      'chunked in other case',
      'TRANSFER-encoding:CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'chunked'
    ),
    framed(
      'RFC 9112, 7.1.1',
      'extensions, which go no further',
      `${TE}\r\n5;a;b="c"\r\nhello\r\n0;d\r\n\r\n`,
      'chunked'
    ),
    {
      name: 'trailers',
      section: 'RFC 9112, 7.1.2',
      sent: GET,
      answer: `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n${TE}\r\n5\r\nhello\r\n0\r\nX-Sum: 1f\r\nx-sum: \xe9\r\n\r\n`,
      gets: {
        body: 'hello',
        fields: [['Trailer', 'X-Sum']],
        trailers: [
          ['X-Sum', '1f'],
          ['x-sum', '\xe9']
        ]
      }
    },
    {
      name: 'trailers with blanks before the colon, which are removed',
      section: 'RFC 9112, 5.1',
      sent: GET,
      answer: `HTTP/1.1 200 OK\r\n${TE}\r\n5\r\nhello\r\n0\r\nX-Sum : 1f\r\nX\t \t:y\r\nZ :\r\n\r\n`,
      gets: {
        body: 'hello',
        trailers: [
          ['X-Sum', '1f'],
          ['X', 'y'],
          ['Z', '']
        ]
      }
    },
    ...[
      'Content-Length: 3',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'Keep-Alive: x',
      'Content-Length : 3',
      'Host\t: y'
    ].map(
      (trailer): Case => ({
        name: `a trailer of ${trailer}`,
        section: 'RFC 9110, 6.5.1',
        sent: GET,
        answer: `HTTP/1.1 200 OK\r\n${TE}\r\n5\r\nhello\r\n0\r\n${trailer}\r\nX: y\r\n\r\n`,
        gets: { body: 'hello', trailers: [['X', 'y']] }
      })
    )
  ]
}
