import { post, type Refused, refused } from './case.js'

const chunked = (body: string) => post('Transfer-Encoding: chunked', body)

const sizes = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, size]) => [
      `a chunk size ${name}`,
      chunked(`${size}\r\nhello\r\n0\r\n\r\n`)
    ])
  )

/** The head of these is right: some of it may be on its way already when the body turns out to be broken. */
export const chunks: Refused[] = [
  ...refused('RFC 9112, 7.1', {
    ...sizes({
      'that is empty': '',
      'with 0x': '0x5',
      'with a minus': '-5',
      'with a plus': '+5',
      'behind a space': ' 5',
      'behind a tab': '\t5',
      'before a space': '5 ',
      'before a tab': '5\t',
      'with a space in it': '0 5',
      'that is no digit': 'g',
      'with a dot': '5.',
      'with an underscore': '0_5',
      'with a NUL': '5\0',
      'of 2^64 and 5': '10000000000000005',
      'of forty digits': 'f'.repeat(40),
      'before a vertical tab': '5\x0b',
      'with a CR behind': '5\r'
    }),
    'a chunk longer than its size': chunked('5\r\nhello!\r\n0\r\n\r\n'),
    'a chunk shorter than its size': chunked('6\r\nhello\r\n0\r\n\r\n'),
    'a chunk without CRLF behind it': chunked('5\r\nhello0\r\n\r\n'),
    'a bare LF behind a size': chunked('5\nhello\r\n0\r\n\r\n'),
    'a bare CR behind a size': chunked('5\rhello\r\n0\r\n\r\n'),
    'a bare LF behind a chunk': chunked('5\r\nhello\n0\r\n\r\n'),
    'a bare CR behind a chunk': chunked('5\r\nhello\r0\r\n\r\n'),
    'two bytes that are not CRLF behind a chunk': chunked('5\r\nhelloXX0\r\n\r\n'),
    'a bare LF behind the last size': chunked('5\r\nhello\r\n0\n\r\n'),
    'a bare LF at the very end': chunked('5\r\nhello\r\n0\r\n\n'),
    'bare LF all along': chunked('5\nhello\n0\n\n'),
    'a blank line before a size': chunked('\r\n5\r\nhello\r\n0\r\n\r\n')
  }),
  ...refused('RFC 9112, 7.1.1', {
    'a bare LF in an extension': chunked('5;a\nhello\r\n0\r\n\r\n'),
    'a bare LF in an extension that hides a chunk': chunked('2;\nxx\r\n4c\r\n0\r\n\r\n'),
    'a bare CR in an extension': chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'),
    'a bare LF in a quoted extension': chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n'),
    'a NUL in an extension': chunked('5;a\0\r\nhello\r\n0\r\n\r\n'),
    'an extension without semicolon': chunked('5 a\r\nhello\r\n0\r\n\r\n')
  }),
  ...refused(
    'RFC 9112, 7.1.1',
    { 'an endless extension': chunked(`5;${'a'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`) },
    [400, 413, 431]
  ),
  ...refused('RFC 9112, 7.1.2', {
    'a trailer without colon': chunked('5\r\nhello\r\n0\r\nX\r\n\r\n'),
    'a trailer without name': chunked('5\r\nhello\r\n0\r\n: y\r\n\r\n'),
    'a trailer with a space before the colon': chunked('5\r\nhello\r\n0\r\nX : y\r\n\r\n'),
    'a folded trailer': chunked('5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n'),
    'a trailer that ends in a bare LF': chunked('5\r\nhello\r\n0\r\nX: y\n\r\n'),
    'a bare CR in a trailer': chunked('5\r\nhello\r\n0\r\nX: y\rZ: z\r\n\r\n'),
    'a NUL in a trailer': chunked('5\r\nhello\r\n0\r\nX: y\0\r\n\r\n'),
    'a control character in a trailer': chunked('5\r\nhello\r\n0\r\nX: y\x01\r\n\r\n')
  }),
  ...refused(
    'RFC 9112, 7.1.2',
    { 'endless trailers': chunked(`5\r\nhello\r\n0\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`) },
    [400, 413, 431]
  )
]
