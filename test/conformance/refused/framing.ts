import { post, type Refused, refused } from './case.js'

const CHUNKED = 'Transfer-Encoding: chunked'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
/** Whoever goes by the length sees a second request. */
const SMUGGLED = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nX: '

const lengths = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`a length ${name}`, post(`Content-Length:${value}`)])
  )
const codings = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `a coding ${name}`,
      post(`Transfer-Encoding:${value}`, HELLO)
    ])
  )

export const framing: Refused[] = [
  ...refused('RFC 9112, 6.1', {
    'a length, then chunks': post(`Content-Length: 5\r\n${CHUNKED}`, HELLO),
    'chunks, then a length': post(`${CHUNKED}\r\nContent-Length: 5`, HELLO),
    'chunks and a length of the whole body': post(`${CHUNKED}\r\nContent-Length: 15`, HELLO),
    'chunks and a length of nothing': post(`${CHUNKED}\r\nContent-Length: 0`, SMUGGLED),
    'a length that hides a second request behind the chunks': post(
      `Content-Length: 40\r\n${CHUNKED}`,
      SMUGGLED
    ),
    'a length that Connection names, and chunks': post(
      `Connection: Content-Length\r\nContent-Length: 5\r\n${CHUNKED}`,
      HELLO
    ),
    'chunks in HTTP/1.0': `POST /refused HTTP/1.0\r\nHost: x\r\n${CHUNKED}\r\n\r\n${HELLO}`,
    'chunks in HTTP/1.0 that is kept open': `POST /refused HTTP/1.0\r\nConnection: keep-alive\r\n${CHUNKED}\r\n\r\n${SMUGGLED}`
  }),
  ...refused('RFC 9112, 6.3', {
    'two lengths': post('Content-Length: 5\r\nContent-Length: 6'),
    'two lengths that are the same': post('Content-Length: 5\r\nContent-Length: 5'),
    'two lengths in other case': post('Content-Length: 5\r\ncontent-length: 6'),
    'two lengths apart': post('Content-Length: 5\r\nX: y\r\nContent-Length: 0'),
    ...lengths({
      'that is a list': ' 5, 5',
      'that is a list of different ones': ' 5, 6',
      'and a comma': ' 5,',
      'behind a comma': ' ,5',
      'with a plus': ' +5',
      'with a minus': ' -5',
      'in hexadecimal': ' 0x5',
      'of hexadecimal digits': ' f',
      'with a space in it': ' 1 5',
      'with a tab in it': ' 1\t5',
      'with an underscore': ' 1_5',
      'that is empty': '',
      'of spaces': '   ',
      'with a fraction': ' 5.0',
      'with an exponent': ' 1e1',
      'in quotes': ' "5"',
      'with a parameter': ' 5;x',
      'behind a vertical tab': ' \x0b5',
      'before a form feed': ' 5\x0c',
      'behind a no-break space': ' \xa05',
      'with a NUL behind': ' 5\0',
      'of 2^64 and 5': ' 18446744073709551621',
      'of forty digits': ` ${'9'.repeat(40)}`,
      'of 2^63, which is negative for some': ' 9223372036854775813'
    })
  }),
  ...refused(
    'RFC 9112, 6.1',
    {
      ...codings({
        'under the chunks': ' gzip, chunked',
        'over the chunks': ' chunked, gzip',
        'without chunks': ' gzip',
        'of chunks twice': ' chunked, chunked',
        'of no effect': ' identity',
        'of no effect over the chunks': ' chunked, identity',
        'that ends in chunked': ' xchunked',
        'that begins with chunked': ' chunkedx',
        'with a parameter': ' chunked;q=1',
        'behind a comma': ' ,chunked',
        'before a comma': ' chunked,',
        'and a word': ' chunked x',
        'in quotes': ' "chunked"',
        'in apostrophes': " 'chunked'",
        'that is empty': '',
        'behind a vertical tab': ' \x0bchunked',
        'before a vertical tab': ' chunked\x0b',
        'before a form feed': ' chunked\x0c',
        'behind a no-break space': ' \xa0chunked',
        'before a no-break space': ' chunked\xa0',
        'with a NUL behind': ' chunked\0',
        'that is split': ' chu nked',
        'named trailers': ' trailers'
      }),
      'two lines of codings, both chunked': post(`${CHUNKED}\r\n${CHUNKED}`, HELLO),
      'two lines of codings, the first identity': post(`Transfer-Encoding: identity\r\n${CHUNKED}`, HELLO),
      'two lines of codings, the last identity': post(`${CHUNKED}\r\nTransfer-Encoding: identity`, HELLO),
      'two lines of codings, the first gzip': post(`Transfer-Encoding: gzip\r\n${CHUNKED}`, HELLO),
      'two lines of codings, the first empty': post(`Transfer-Encoding:\r\n${CHUNKED}`, HELLO),
      'two lines of codings, the last empty': post(`${CHUNKED}\r\nTransfer-Encoding:`, HELLO),
      'a coding of a GET': 'GET /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n'
    },
    [400, 501]
  )
]
