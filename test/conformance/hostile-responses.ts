type Cases<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

const OK = 'HTTP/1.1 200 OK\r\n'
const END = 'Content-Length: 0\r\n\r\n'
const field = (line: string) => `${OK}${line}\r\n${END}`
const status = (line: string) => `${line}\r\n${END}`
const TE = 'Transfer-Encoding: chunked\r\n'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const coded = (...codings: string[]) =>
  `${OK}${codings.map((coding) => `Transfer-Encoding: ${coding}\r\n`).join('')}\r\n${HELLO}`
const length = (value: string) => `${OK}Content-Length:${value}\r\n\r\nhello`

/** No client may see anything of these. */
export const BROKEN_HEADS: Cases<string> = {
  'RFC 9112, 4': {
    'HTTP/2.0': status('HTTP/2.0 200 OK'),
    'HTTP/0.9': status('HTTP/0.9 200 OK'),
    'HTTP/11.1': status('HTTP/11.1 200 OK'),
    HTTPX: status('HTTPX/1.1 200 OK'),
    'http in lower case': status('http/1.1 200 OK'),
    'another protocol': status('ICY 200 OK'),
    'another protocol with a version': status('RTSP/1.0 200 OK'),
    'a status of two digits': status('HTTP/1.1 20 OK'),
    'a status of four digits': status('HTTP/1.1 2000 OK'),
    'a status of 99': status('HTTP/1.1 99 OK'),
    'a status of 099': status('HTTP/1.1 099 OK'),
    'a status of 0': status('HTTP/1.1 0 OK'),
    'a status of 000': status('HTTP/1.1 000 OK'),
    'a status of letters': status('HTTP/1.1 abc OK'),
    'a status with letters': status('HTTP/1.1 20x OK'),
    'a negative status': status('HTTP/1.1 -20 OK'),
    'no status': status('HTTP/1.1'),
    'a status stuck to its reason': status('HTTP/1.1 200OK'),
    'two spaces before the status': status('HTTP/1.1  200 OK'),
    'a tab before the status': status('HTTP/1.1\t200 OK'),
    'a NUL in the reason': status('HTTP/1.1 200 O\0K'),
    'a control character in the reason': status('HTTP/1.1 200 O\x01K'),
    'a bare CR in the reason': status('HTTP/1.1 200 O\rK'),
    'a space before it': status(' HTTP/1.1 200 OK'),
    'a blank line before it': status('\r\nHTTP/1.1 200 OK'),
    'a blank line of a bare LF before it': status('\nHTTP/1.1 200 OK'),
    'garbage before it': status('xHTTP/1.1 200 OK'),
    'a line of garbage before it': status('garbage\r\nHTTP/1.1 200 OK'),
    'a NUL before it': status('\0HTTP/1.1 200 OK'),
    'a request': 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'a line of HTML': '<html>hello</html>\r\n\r\n',
    'the start of TLS': '\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n',
    'a greeting of SMTP': '220 mail.example ESMTP\r\n\r\n'
  },
  'RFC 9112, 2.2': {
    'a bare LF behind the status line': `HTTP/1.1 200 OK\n${END}`,
    'a bare LF behind a field': `${OK}X: y\n${END}`,
    'a bare LF behind the last field': `${OK}X: y\r\nContent-Length: 0\n\r\n`,
    'a bare LF at the end': `${OK}Content-Length: 0\r\n\n`,
    'bare LF all along': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'a bare CR in a value': field('X: y\rz'),
    'a bare CR that could end a field': field('X: y\rSet-Cookie: a=b'),
    'a bare CR in a name': field('X\rY: z'),
    'two CR at the end of a line': field('X: y\r'),
    'a bare LF that could end a field': field('X: y\nSet-Cookie: a=b')
  },
  'RFC 9112, 5': {
    'a NUL in a value': field('X: y\0z'),
    'a control character in a value': field('X: y\x01z'),
    'a delete character in a value': field('X: y\x7fz'),
    'a vertical tab in a value': field('X: y\x0bz'),
    'a NUL in a name': field('X\0: y'),
    'a space in a name': field('X Y: z'),
    'obs-text in a name': field('X\xe9: z'),
    'a delimiter in a name': field('X(Y: z'),
    'no name': field(': y'),
    'a line without colon': field('no field'),
    'a space before the first field': `${OK} X: y\r\n${END}`
  },
  'RFC 9112, 5.2': {
    'a folded field': field('X: y\r\n z'),
    'a field folded by a tab': field('X: y\r\n\tz'),
    'a folded length': `${OK}Content-Length:\r\n 5\r\n\r\nhello`,
    'a fold of nothing': field('X: y\r\n ')
  },
  'RFC 9112, 6.1': {
    'a length and chunks': `${OK}Content-Length: 5\r\n${TE}\r\n${HELLO}`,
    'chunks and a length': `${OK}${TE}Content-Length: 15\r\n\r\n${HELLO}`,
    'chunks in HTTP/1.0': `HTTP/1.0 200 OK\r\n${TE}\r\n${HELLO}`,
    'a coding of gzip': coded('gzip'),
    'gzip under the chunks': coded('gzip, chunked'),
    'gzip over the chunks': coded('chunked, gzip'),
    'chunks twice': coded('chunked, chunked'),
    'chunks in two lines': coded('chunked', 'chunked'),
    'gzip and chunks in two lines': coded('gzip', 'chunked'),
    identity: coded('identity'),
    'no coding': coded(''),
    'a coding that ends in chunked': coded('xchunked'),
    'a coding with a parameter': coded('chunked;q=1'),
    'a comma before the coding': coded(',chunked'),
    'a comma behind the coding': coded('chunked,'),
    'a vertical tab before the coding': coded('\x0bchunked'),
    'a space before the colon of a coding, and a length': `${OK}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\nhello`
  },
  'RFC 9112, 6.3': {
    'two lengths': `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    'a list of lengths': length(' 5, 6'),
    'a negative length': length(' -5'),
    'a length with a plus': length(' +5'),
    'a length in hexadecimal': length(' 0x5'),
    'a length with a space': length(' 1 5'),
    'an empty length': length(''),
    'a length of letters': length(' five'),
    'a length with a fraction': length(' 5.0'),
    'a length of 2^64 and 5': length(' 18446744073709551621'),
    'a length of forty digits': length(` ${'9'.repeat(40)}`),
    'two lengths of a 304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'
  },
  'RFC 9110, 15.2': {
    'a broken response behind an interim one': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20 OK\r\n${END}`
  }
}

/** What they go on with is their last byte. */
export const ENDLESS: Readonly<Record<string, string>> = {
  'a status line without end': 'HTTP/1.1 200 x',
  'a name without end': 'HTTP/1.1 200 OK\r\nx',
  'a value without end': 'HTTP/1.1 200 OK\r\nX: y',
  'white space without end': 'HTTP/1.1 200 OK\r\nX: ',
  'no line at all': 'x'
}

interface Broken {
  readonly bytes: string
  /** There might be more of it while the connection is open. */
  readonly needsEnd?: boolean
}

const chunked = (body: string, needsEnd = false): Broken => ({ bytes: `${OK}${TE}\r\n${body}`, needsEnd })

/** The head of these is right; a part of the body may be on its way when it turns out to be broken. */
export const BROKEN_BODIES: Cases<Broken> = {
  'RFC 9112, 8': {
    'a body shorter than its length': { bytes: `${OK}Content-Length: 10\r\n\r\nhello`, needsEnd: true },
    'no body despite a length': { bytes: `${OK}Content-Length: 10\r\n\r\n`, needsEnd: true },
    'chunks without end': chunked('5\r\nhello\r\n', true),
    'no chunks at all': chunked('', true),
    'half a chunk': chunked('7\r\nhello', true),
    'a chunk without its CRLF': chunked('5\r\nhello', true),
    'half a size': chunked('5', true),
    'an end without its last line': chunked('5\r\nhello\r\n0\r\n', true),
    'half a trailer': chunked('5\r\nhello\r\n0\r\nX: y\r\n', true)
  },
  'RFC 9112, 7.1': {
    'a size that is none': chunked('5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n'),
    'an empty size': chunked('5\r\nhello\r\n\r\n0\r\n\r\n'),
    'a negative size': chunked('5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n'),
    'a size with a plus': chunked('5\r\nhello\r\n+5\r\nhello\r\n0\r\n\r\n'),
    'a size with 0x': chunked('5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n'),
    'a size behind a space': chunked('5\r\nhello\r\n 5\r\nhello\r\n0\r\n\r\n'),
    'a size of 2^64 and 5': chunked('5\r\nhello\r\n10000000000000005\r\nhello\r\n0\r\n\r\n'),
    'a size of forty digits': chunked(`5\r\nhello\r\n${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`),
    'a chunk longer than its size': chunked('5\r\nhello!\r\n0\r\n\r\n'),
    'no CRLF behind a chunk': chunked('5\r\nhello0\r\n\r\n'),
    'a bare LF behind a chunk': chunked('5\r\nhello\n0\r\n\r\n'),
    'a bare LF behind a size': chunked('5\nhello\r\n0\r\n\r\n'),
    'a bare CR in an extension': chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'),
    'a bare LF in an extension': chunked('5;a\nhello\r\n0\r\n\r\n'),
    'a NUL in an extension': chunked('5;a\0\r\nhello\r\n0\r\n\r\n')
  },
  'RFC 9112, 7.1.2': {
    'a blank in the name of a trailer': chunked('5\r\nhello\r\n0\r\nX Y: z\r\n\r\n'),
    'a trailer of a blank and a colon': chunked('5\r\nhello\r\n0\r\n : z\r\n\r\n'),
    'a trailer without colon': chunked('5\r\nhello\r\n0\r\nX\r\n\r\n'),
    'a folded trailer': chunked('5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n'),
    'a NUL in a trailer': chunked('5\r\nhello\r\n0\r\nX: y\0\r\n\r\n'),
    'a bare CR in a trailer': chunked('5\r\nhello\r\n0\r\nX: y\rSet-Cookie: a=b\r\n\r\n'),
    'a bare LF behind a trailer': chunked('5\r\nhello\r\n0\r\nX: y\n\r\n')
  }
}

interface Stray {
  readonly answer: string
  readonly sent?: string
}

const HEAD = 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'

/** Whole responses, behind which comes what is none of them. */
export const STRAY: Readonly<Record<string, Stray>> = {
  'a length': { answer: `${OK}Content-Length: 2\r\n\r\nok` },
  chunks: { answer: `${OK}${TE}\r\n${HELLO}` },
  'a 204': { answer: 'HTTP/1.1 204 No Content\r\n\r\n' },
  'a 304 with a length': { answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n' },
  'a HEAD with a length': { answer: `${OK}Content-Length: 6\r\n\r\n`, sent: HEAD },
  'a HEAD in chunks': { answer: `${OK}${TE}\r\n`, sent: HEAD }
}
