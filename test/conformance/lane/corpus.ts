import { forwardedMethods } from '../cases/methods.js'
import { requestBodies } from '../cases/request-bodies.js'
import { requestFields } from '../cases/request-fields.js'
import { forwardedTargets } from '../cases/targets.js'
import * as refused from '../refused/index.js'

const BROWSER = [
  'GET /assets/app.js?v=42 HTTP/1.1',
  'Host: www.example.com',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Cookie: a=b; c="d e"',
  'If-None-Match: W/"5"',
  'X-Request-Id: 7f',
  '',
  ''
].join('\r\n')

/** Requests of which the lane takes most, beside those of the cases, which it mostly leaves to Node's server. */
const TAKEN = [
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'HEAD /a?b HTTP/1.1\r\nhost:x:80\r\nACCEPT:\t*/* \t\r\n\r\n',
  'POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /a HTTP/1.1\r\nContent-Length: 0\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n',
  'PATCH /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nKeep-Alive: 5\r\nVia: 1.1 y\r\n\r\n0123456789',
  'DELETE /a HTTP/1.1\r\nHost: x\r\nCookie: a\r\nCookie: b\r\nTE: trailers\r\n\r\n',
  'OPTIONS /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: 3\r\nOrigin: http://y\r\n\r\n',
  'GET /caf%C3%A9 HTTP/1.1\r\nHost: x\r\nX: caf\xe9 \xa0\r\nX:\r\nX: \t \r\nX-Forwarded-For: 192.0.2.1\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nd',
  'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX_Forwarded_For: a\r\nContent_Length: 3\r\nproxy: p\r\n\r\n',
  BROWSER,
  BROWSER.replace('keep-alive', 'close')
]

const MAX_LENGTH = 1200

/** Requests as the other tests send them, right and wrong ones, in latin1: what mutations begin with. */
export const CORPUS: readonly string[] = [
  ...TAKEN,
  ...[forwardedMethods, requestBodies, requestFields, forwardedTargets]
    .flatMap((groups) => Object.values(groups).flat())
    .map(({ sent }) => sent),
  ...Object.values(refused)
    .flat()
    .map(({ bytes }) => bytes)
].filter(({ length }) => length <= MAX_LENGTH)

/** How many of them, from the first on, are mostly taken. */
export const TAKEN_COUNT = TAKEN.length
