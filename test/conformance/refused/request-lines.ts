import { type Refused, refused } from './case.js'

const HOST = '\r\nHost: x\r\n\r\n'
/** What a client of HTTPS sends first. */
const CLIENT_HELLO = `\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03${'\x5a'.repeat(32)}\x20${'\xa5'.repeat(150)}\r\n\r\n`
const BINARY = `${String.fromCharCode(...Array.from({ length: 256 }, (_, i) => (i * 167 + 200) % 256))}\r\n\r\n`

export const requestLines: Refused[] = [
  ...refused('RFC 9112, 3', {
    'a tab before the target': `GET\t/refused HTTP/1.1${HOST}`,
    'a tab before the version': `GET /refused\tHTTP/1.1${HOST}`,
    'a vertical tab before the version': `GET /refused\x0bHTTP/1.1${HOST}`,
    'a space in the target': `GET /refused b HTTP/1.1${HOST}`,
    'a space at the end': `GET /refused HTTP/1.1 ${HOST}`,
    'a tab at the end': `GET /refused HTTP/1.1\t${HOST}`,
    'a word at the end': `GET /refused HTTP/1.1 x${HOST}`,
    'a letter at the end': `GET /refused HTTP/1.1x${HOST}`,
    'two CR at the end': `GET /refused HTTP/1.1\r${HOST}`,
    'a space at the start': ` GET /refused HTTP/1.1${HOST}`,
    'a tab at the start': `\tGET /refused HTTP/1.1${HOST}`,
    'a NUL at the start': `\0GET /refused HTTP/1.1${HOST}`,
    'a byte order mark at the start': `\xef\xbb\xbfGET /refused HTTP/1.1${HOST}`,
    'no target': `GET HTTP/1.1${HOST}`,
    'an empty target': `GET  HTTP/1.1${HOST}`,
    'a bare CR in it': `GET /refused\r HTTP/1.1${HOST}`,
    'a status line': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'a line of another protocol': 'SSH-2.0-OpenSSH_9.6\r\n\r\n',
    'the start of TLS': CLIENT_HELLO,
    'random bytes': BINARY,
    'a line of fields': 'Host: x\r\n\r\n'
  }),
  ...refused(
    'RFC 9112, 2.3',
    {
      'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'HTTP/2.0': `GET /refused HTTP/2.0${HOST}`,
      'HTTP/3.0': `GET /refused HTTP/3.0${HOST}`,
      'HTTP/1.2': `GET /refused HTTP/1.2${HOST}`,
      'HTTP/0.9 by name': `GET /refused HTTP/0.9${HOST}`,
      'HTTP/0.9 by form': 'GET /refused\r\n\r\n',
      'HTTP/1.10': `GET /refused HTTP/1.10${HOST}`,
      'HTTP/01.1': `GET /refused HTTP/01.1${HOST}`,
      'HTTP/1': `GET /refused HTTP/1${HOST}`,
      'HTTP/1.': `GET /refused HTTP/1.${HOST}`,
      'HTTP/.1': `GET /refused HTTP/.1${HOST}`,
      'HTTP/1.1.1': `GET /refused HTTP/1.1.1${HOST}`,
      'HTTP/1,1': `GET /refused HTTP/1,1${HOST}`,
      'HTTP/+1.1': `GET /refused HTTP/+1.1${HOST}`,
      'HTTP /1.1': `GET /refused HTTP /1.1${HOST}`,
      'HTTP/ 1.1': `GET /refused HTTP/ 1.1${HOST}`,
      'http/1.1': `GET /refused http/1.1${HOST}`,
      'HTTPS/1.1': `GET /refused HTTPS/1.1${HOST}`,
      'a method of RTSP': `DESCRIBE /refused RTSP/1.0${HOST}`
    },
    [400, 501, 505]
  )
]

export const methods: Refused[] = [
  ...refused(
    'RFC 9110, 9.1',
    {
      'a method in lower case': `get /refused HTTP/1.1${HOST}`,
      'a method in mixed case': `Get /refused HTTP/1.1${HOST}`,
      'a method that nobody knows': `BREW /refused HTTP/1.1${HOST}`,
      'a method and a letter': `GETS /refused HTTP/1.1${HOST}`,
      'half a method': `GE /refused HTTP/1.1${HOST}`,
      'the method of the preface of HTTP/2': `PRI /refused HTTP/1.1${HOST}`,
      'a method of RTSP in HTTP': `DESCRIBE /refused HTTP/1.1${HOST}`
    },
    [501]
  ),
  ...refused('RFC 9110, 9.1', {
    'a method of delimiters': `"GET" /refused HTTP/1.1${HOST}`,
    'a method with a control character': `G\x01ET /refused HTTP/1.1${HOST}`
  })
]
