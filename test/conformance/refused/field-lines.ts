import { CONTROLS, get, hex, post, type Refused, refused } from './case.js'

const each = (chars: readonly string[], name: (char: string) => string, bytes: (char: string) => string) =>
  Object.fromEntries(chars.map((char) => [name(char), bytes(char)]))

const DELIMITERS = [...'(),/;<=>?@[\\]{}"', '\x80', '\xff']

export const fieldLines: Refused[] = [
  ...refused('RFC 9112, 5.2', {
    'a folded field': get('X: y', ' z'),
    'a field folded by a tab': get('X: y', '\tz'),
    'a fold that is empty': get('X: y', ' '),
    'a folded Host': 'GET /refused HTTP/1.1\r\nHost:\r\n x\r\n\r\n',
    'a Host with a fold behind': 'GET /refused HTTP/1.1\r\nHost: x\r\n y\r\n\r\n',
    'a folded coding': post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
    'a coding with a fold behind': post('Transfer-Encoding: chunked\r\n\t, identity', '0\r\n\r\n'),
    'a folded length': post('Content-Length:\r\n 5'),
    'a length with a fold behind': post('Content-Length: 5\r\n 0')
  }),
  ...refused('RFC 9112, 2.2', {
    'a space before the first field': 'GET /refused HTTP/1.1\r\n Host: x\r\n\r\n',
    'a tab before the first field': 'GET /refused HTTP/1.1\r\n\tHost: x\r\n\r\n',
    'a space before the first field of two': 'GET /refused HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n',
    'a bare CR in a value': get('X: y\rz'),
    'a bare CR that could end a line': get('X: y\rTransfer-Encoding: chunked'),
    'two CR at the end of a line': get('X: y\r'),
    'a bare CR in a name': get('X\rY: z'),
    'a bare CR behind the colon': get('X:\ry'),
    'a bare CR instead of the last line': 'GET /refused HTTP/1.1\r\nHost: x\r\n\r\r\n',
    'a bare LF behind the request line': 'GET /refused HTTP/1.1\nHost: x\r\n\r\n',
    'a bare LF behind a field': 'GET /refused HTTP/1.1\r\nHost: x\nX: y\r\n\r\n',
    'a bare LF behind the last field': 'GET /refused HTTP/1.1\r\nHost: x\n\r\n',
    'a bare LF instead of the last line': 'GET /refused HTTP/1.1\r\nHost: x\r\n\n',
    'bare LF all along': 'GET /refused HTTP/1.1\nHost: x\n\n',
    'a bare LF that hides a coding': post('X: y\nTransfer-Encoding: chunked', '0\r\n\r\n')
  }),
  ...refused(
    'RFC 9110, 5.5',
    each(
      CONTROLS,
      (char) => `${hex(char)} in a value`,
      (char) => get(`X: y${char}z`)
    )
  ),
  ...refused('RFC 9110, 5.5', {
    'a NUL at the start of a value': get('X: \0y'),
    'a NUL at the end of a value': get('X: y\0')
  }),
  ...refused('RFC 9110, 5.1', {
    ...each(
      CONTROLS,
      (char) => `${hex(char)} in a name`,
      (char) => get(`X${char}Y: z`)
    ),
    ...each(
      DELIMITERS,
      (char) => `${char < '\x7f' ? char : hex(char)} in a name`,
      (char) => get(`X${char}Y: z`)
    )
  }),
  ...refused('RFC 9112, 5.1', {
    'a space before the colon': get('X : y'),
    'a tab before the colon': get('X\t: y'),
    'a space before the colon of Host': 'GET /refused HTTP/1.1\r\nHost : x\r\n\r\n',
    'a space before the colon of a length': post('Content-Length : 5'),
    'a space before the colon of a coding': post('Transfer-Encoding : chunked', '0\r\n\r\n'),
    'a tab before the colon of a coding': post('Transfer-Encoding\t: chunked', '0\r\n\r\n'),
    'a vertical tab before the colon of a coding': post('Transfer-Encoding\x0b: chunked', '0\r\n\r\n'),
    'a space in a name': get('X Y: z'),
    'a tab in a name': get('X\tY: z'),
    'no name': get(': y'),
    'no name and no value': get(':'),
    'a line without colon': get('X'),
    'a line of words without colon': get('no field at all'),
    'a second request line': get('GET /smuggled HTTP/1.1'),
    'a first line without colon': 'GET /refused HTTP/1.1\r\nHost\r\n\r\n'
  })
]
