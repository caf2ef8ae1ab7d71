import type { Field } from '../../support/wire.js'
import type { Case } from './case.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const answer = (line: string, fields: readonly Field[], body = '') =>
  `HTTP/1.1 ${line}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`

const status = (section: string, line: string): Case => ({
  name: `status ${line}`,
  section,
  sent: GET,
  answer: answer(line, [['Content-Length', '2']], 'ok'),
  gets: { line: `HTTP/1.1 ${line}`, body: 'ok' }
})

const fields = (section: string, name: string, ...sent: Field[]): Case => ({
  name,
  section,
  sent: GET,
  answer: answer('200 OK', [...sent, ['Content-Length', '0']]),
  gets: { fields: [...sent, ['Content-Length', '0']], body: '' }
})

export const responses: Readonly<Record<string, readonly Case[]>> = {
  'status and reason come back byte for byte': [
    status('RFC 9110, 15.3', '200 OK'),
    status('RFC 9110, 15.3', '203 Non-Authoritative Information'),
    status('RFC 9110, 15.3', '206 Partial Content'),
    status('RFC 9110, 15', '299 Odd'),
    status('RFC 9110, 15.4', '300 Multiple Choices'),
    status('RFC 9110, 15.4', '308 Permanent Redirect'),
    status('RFC 9110, 15.5', '401 Unauthorized'),
    status('RFC 9110, 15.5', '407 Proxy Authentication Required'),
    status('RFC 9110, 15.5', '408 Request Timeout'),
    status('RFC 9110, 15.5', '417 Expectation Failed'),
    status('RFC 9110, 15.5', '421 Misdirected Request'),
    status('RFC 9110, 15', '499 Gone away'),
    status('RFC 9110, 15.6', '500 Internal Server Error'),
    status('RFC 9110, 15.6', '503 Busy'),
    status('RFC 9110, 15', '599 x'),
    status('RFC 9112, 4', '200 '),
    status('RFC 9112, 4', '200 Fine by  me, \t"really": \\o/'),
    status('RFC 9112, 4', '200 caf\xe9 \x80\xff'),
    status('RFC 9112, 4', '200 \xc3\xa9'),
    status('RFC 9112, 4', `200 ${'long '.repeat(200)}x`)
  ],
  'fields of a response come back as they were sent': [
    fields('RFC 9110, 5.3', 'in their order', ['B', '1'], ['A', '2'], ['C', '3']),
    fields('RFC 9110, 5.3', 'twice', ['A', '1'], ['B', '2'], ['A', '3'], ['a', '1']),
    fields(
      'RFC 6265, 3',
      'that set cookies, never joined',
      ['Set-Cookie', 'a=1, b; Path=/'],
      ['set-cookie', 'b=2'],
      ['Set-Cookie', '']
    ),
    fields('RFC 9110, 5.1', 'in their case', ['sERVER', 'x'], ['ETAG', '"x"']),
    fields('RFC 9110, 5.5', 'empty', ['Server', ''], ['X', '']),
    fields('RFC 9110, 5.5', 'with obs-text', ['X', 'caf\xe9 \x80\xff']),
    fields('RFC 9110, 5.5', 'with white space inside', ['X', 'a \t b  c']),
    fields('RFC 9110, 5.6.2', 'with every character of a name', ["!#$%&'*+-.^_`|~09azAZ", 'x']),
    fields('RFC 9110, 5.1', 'whose names objects have', ['__proto__', 'x'], ['constructor', 'y']),
    fields(
      'RFC 9110, 5.4',
      'as many as a hundred',
      ...Array.from({ length: 99 }, (_, i): Field => [`X-${i}`, `${i}`])
    ),
    fields('RFC 9110, 10.2.2', 'that redirect', ['Location', '//x/../y?#%zz']),
    fields(
      'RFC 9110, 11.6.1',
      'that challenge',
      ['WWW-Authenticate', 'Negotiate'],
      ['WWW-Authenticate', 'Basic realm="x"']
    ),
    fields('RFC 9110, 7.6.3', 'that tell of their way', ['Via', '1.1 other']),
    fields(
      'RFC 9110, 8.4',
      'of codings that are not undone',
      ['Content-Encoding', 'gzip'],
      ['Content-Type', 'no type']
    ),
    fields('RFC 9111, 5', 'of caches', ['Age', '1'], ['Cache-Control', 'no-store'], ['Warning', '199 - x']),
    {
      name: 'without white space before the colon',
      section: 'RFC 9112, 5.1',
      sent: GET,
      answer: 'HTTP/1.1 200 OK\r\nX : y\r\nZ\t: z\r\nContent-Length: 0\r\n\r\n',
      gets: {
        fields: [
          ['X', 'y'],
          ['Z', 'z'],
          ['Content-Length', '0']
        ]
      }
    },
    {
      name: 'without white space around values',
      section: 'RFC 9112, 5.1',
      sent: GET,
      answer: 'HTTP/1.1 200 OK\r\nA:1\r\nB: \t 2 \t \r\nC:\r\nContent-Length:0 \r\n\r\n',
      gets: {
        fields: [
          ['A', '1'],
          ['B', '2'],
          ['C', ''],
          ['Content-Length', '0']
        ]
      }
    },
    ...[
      ['what Connection names', 'Connection: X-N\r\nX-N: 1\r\nx-n: 2'],
      ['Keep-Alive', 'Keep-Alive: timeout=77'],
      ['Proxy-Connection', 'Proxy-Connection: close'],
      ['an Upgrade that is offered', 'Upgrade: h2c\r\nConnection: Upgrade'],
      ['TE', 'TE: x']
    ].map(
      ([name, lines]): Case => ({
        name: `${name} goes no further`,
        section: 'RFC 9110, 7.6.1',
        sent: GET,
        answer: `HTTP/1.1 200 OK\r\n${lines}\r\nKeep: this\r\nContent-Length: 0\r\n\r\n`,
        gets: {
          fields: [
            ['Keep', 'this'],
            ['Content-Length', '0']
          ]
        }
      })
    )
  ]
}
