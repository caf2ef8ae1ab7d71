import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import type { Destination } from '../../../../lib/base/http/request-target.js'
import { areTrailers } from '../../../../lib/base/http2/field-syntax.js'
import { RequestHeadReader } from '../../../../lib/listener/http2/request/request-head.js'
import {
  type ServerStreamRequest,
  streamRequest
} from '../../../../lib/listener/http2/request/stream-request.js'
import type { ServerStream } from '../../../../lib/listener/http2/stream/server-stream.js'
import { requestId } from '../../../../lib/listener/request-id.js'
import { checkRequest } from '../../../../lib/proxy/request/request-check.js'
import { outgoingRequest } from '../../../../lib/proxy/request/request-head.js'
import { LIMITS, readRequest, SOCKET } from './read-request.js'

const REQUEST_LIMITS = { ...LIMITS, headers: LIMITS.fields }
const UNTRUSTED = new BlockList()
const KEPT_BYTES = 1024
const GENERATED = /-[0-9a-z]+$/
/** A head of HTTP/1.1 that no reader takes for anything else. */
const HEAD =
  /^[!-~]+ [!-~]+ HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/

const PSEUDO: Readonly<Record<string, readonly string[]>> = {
  ':method': ['GET', 'POST', 'OPTIONS', 'CONNECT', 'QUERY', 'get'],
  ':scheme': ['http', 'https', 'HTTPS', 'ftp'],
  ':authority': ['a.example', 'a.example:443', 'a.example:80', 'A', 'a@b', ''],
  ':path': ['/', '/a?b', '*', '/#', '/ä', '//'],
  ':protocol': ['websocket', 'x'],
  ':status': ['200']
}
const NAMES = [
  ...['host', 'cookie', 'content-length', 'te', 'x-request-id', 'priority', 'via', 'expect', 'max-forwards'],
  ...[
    'x-forwarded-for',
    'x_forwarded_for',
    'content-type',
    'connection',
    'transfer-encoding',
    'proxy',
    'accept'
  ],
  ...['sec-websocket-key', 'trailer', 'Accept', 'http2-settings', 'upgrade', 'content_length', 'x.request.id']
]
const VALUES = ['', '0', '1', '00', '5', 'a.example', 'a.example:443', 'trailers', 'Trailers', '100-continue']

const text = (maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes))
const visible = fc.stringMatching(/^[!-~]{1,9}$/)
const oneOf = (values: readonly string[]) => fc.constantFrom(...values)

const control = (name: string) =>
  fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: oneOf(PSEUDO[name]!) }, visible, text(3)))
const usual = fc.tuple(control(':method'), control(':scheme'), control(':authority'), control(':path'))
const anyControl = fc.array(fc.constantFrom(...Object.keys(PSEUDO)).chain(control), { maxLength: 2 })
const field = fc.tuple(
  fc.oneof({ weight: 6, arbitrary: oneOf(NAMES) }, fc.stringMatching(/^[a-z_-]{1,6}$/), {
    weight: 1,
    arbitrary: text(3)
  }),
  fc.oneof({ weight: 4, arbitrary: oneOf(VALUES) }, { weight: 4, arbitrary: visible }, text(4))
)
const fields = fc.array(field, { maxLength: 6 })
const request = fc
  .tuple(usual, fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, anyControl), fields)
  .map(([first, second, others]) => [...first, ...second, ...others].flat())

function sentOf(req: ServerStreamRequest, destination: Destination): string {
  const by = { target: req.url!, requestId: 'id', forwarded: false, trusted: UNTRUSTED }
  const { head, body, lacksHost, replayable } = outgoingRequest(req, destination, by, KEPT_BYTES)
  return JSON.stringify({ head, hasBody: body !== undefined, lacksHost, replayable })
}

t.test('a plain head is what the checks make of its fields one by one', async (t) => {
  const shared = new RequestHeadReader(LIMITS)
  const seen = { malformed: 0, plain: 0, special: 0, refused: 0 }
  fc.assert(
    fc.property(request, fc.boolean(), (list, isEnd) => {
      const read = readRequest(list, isEnd)
      // It has read others before.
      if (shared.read(list, isEnd) !== (read !== undefined)) return false
      if (read && JSON.stringify(shared) !== JSON.stringify(read.head)) return false
      if (!read) {
        seen.malformed++
        return true
      }
      const { head, req } = read
      const looked = streamRequest(
        { socket: SOCKET } as ServerStream,
        { ...head, plainLines: undefined } as typeof head,
        list,
        isEnd
      )
      const destination = checkRequest(looked, looked.url!, REQUEST_LIMITS)
      if (!('path' in destination)) {
        seen.refused++
        return req.plainLines === undefined
      }
      const sent = sentOf(looked, destination)
      if (!HEAD.test(JSON.parse(sent).head)) return false
      if (req.plainLines === undefined) {
        seen.special++
        return true
      }
      seen.plain++
      const own = requestId(req)
      const id = requestId(looked)
      return (
        JSON.stringify(checkRequest(req, req.url!, REQUEST_LIMITS)) === JSON.stringify(destination) &&
        sentOf(req, destination) === sent &&
        (own === id || (GENERATED.test(own) && GENERATED.test(id))) &&
        JSON.stringify(req.rawHeaders) === JSON.stringify(looked.rawHeaders)
      )
    }),
    { numRuns: 20_000 }
  )
  for (const [kind, count] of Object.entries(seen)) t.ok(count > 200, `${count} ${kind}`)
})

t.test('any texts are read or malformed', async (t) => {
  const any = fc.array(fc.tuple(text(8), text(8)), { maxLength: 8 }).map((pairs) => pairs.flat())
  let trailers = 0
  fc.assert(
    fc.property(any, fc.boolean(), (list, isEnd) => {
      readRequest(list, isEnd)
      if (areTrailers(list)) trailers++
    }),
    { numRuns: 5000 }
  )
  t.ok(trailers > 0)
})
