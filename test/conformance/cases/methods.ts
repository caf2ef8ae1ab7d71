import { METHODS } from 'node:http'
import type { Case } from './case.js'

const FORWARDED = METHODS.filter((method) => method !== 'CONNECT')

export const forwardedMethods: Readonly<Record<string, readonly Case[]>> = {
  'every method arrives, without a body': FORWARDED.map(
    (method): Case => ({
      name: method,
      section: 'RFC 9110, 9.1',
      sent: `${method} /m HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n`,
      arrives: { line: `${method} /m HTTP/1.1`, body: '' },
      gets: { line: 'HTTP/1.1 200 OK', body: method === 'HEAD' ? '' : 'ok' },
      ...(method === 'HEAD' ? { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' } : {})
    })
  ),
  'every method arrives, with a body': FORWARDED.map(
    (method): Case => ({
      name: method,
      section: 'RFC 9110, 9.3',
      sent: `${method} /m HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`,
      arrives: { line: `${method} /m HTTP/1.1`, body: 'hello', framing: 'length' },
      ...(method === 'HEAD' ? { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' } : {})
    })
  ),
  'every method arrives, with a body in chunks': FORWARDED.map(
    (method): Case => ({
      name: method,
      section: 'RFC 9112, 6.3',
      sent: `${method} /m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      arrives: { line: `${method} /m HTTP/1.1`, body: 'hello', framing: 'chunked' },
      ...(method === 'HEAD' ? { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' } : {})
    })
  )
}
