import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { isGrpcHead, timeoutOf } from '../../../../lib/base/grpc/call.js'
import { decodeMessage, encodeMessage, statusName } from '../../../../lib/base/grpc/status.js'
import * as failures from '../../../../lib/proxy/failure.js'
import { grpcStatusOf } from '../../../../lib/proxy/response/grpc-answer.js'

t.test('a message is encoded as gRPC has it, and read back', async (t) => {
  for (const [text, message] of [
    ['No backend is available', 'No backend is available'],
    ['100 % "sure"\r\n', '100 %25 "sure"%0D%0A'],
    ['zu groß, 太大, 🙂', 'zu gro%C3%9F, %E5%A4%AA%E5%A4%A7, %F0%9F%99%82'],
    ['~ \x7f\0', '~ %7F%00']
  ] as const) {
    t.equal(encodeMessage(text), message)
    t.equal(decodeMessage(message), text)
  }
  t.equal(decodeMessage('50 % or %zz, %4'), '50 % or %zz, %4')
})

t.test('a time is read as gRPC has it: at most eight digits, and a unit', async (t) => {
  const read = (text: string | undefined) =>
    timeoutOf({ headers: { 'grpc-timeout': text } } as unknown as IncomingMessage)
  for (const [text, timeoutMs] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['99999999H', 99_999_999 * 3_600_000],
    ['0m', 0],
    ['00000001S', 1000]
  ] as const) {
    t.equal(read(text), timeoutMs, text)
  }
  for (const text of [
    '',
    '1',
    'm',
    '-1S',
    '+1S',
    '1.5S',
    '1 S',
    ' 1S',
    '1s',
    '1h',
    '1ms',
    '123456789m',
    '1S, 2S'
  ])
    t.equal(read(text), undefined, `"${text}"`)
  t.equal(read(undefined), undefined)
})

t.test('that a response is gRPC is told by its type', async (t) => {
  for (const [line, isGrpc] of [
    ['content-type: application/grpc', true],
    ['Content-Type:application/grpc+proto', true],
    ['content-type: application/grpc;x=y', true],
    ['content-type: application/grpc-web', false],
    ['content-type: text/plain', false],
    ['x-content-type: application/grpc', false]
  ] as const) {
    t.equal(isGrpcHead(`HTTP/1.1 200 OK\r\na: b\r\n${line}\r\nc: d\r\n`), isGrpc, line)
  }
})

t.test('every failure has a status of gRPC that says what it means', async (t) => {
  const found = Object.entries(failures).flatMap(([name, value]) =>
    typeof value === 'object' ? [[name, statusName(grpcStatusOf(value))]] : []
  )
  t.same(Object.fromEntries(found), {
    NO_BACKEND: 'UNAVAILABLE',
    OVERLOADED: 'UNAVAILABLE',
    QUEUE_FULL: 'UNAVAILABLE',
    QUEUE_TIMEOUT: 'UNAVAILABLE',
    CONNECT_TIMEOUT: 'UNAVAILABLE',
    DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
    BAD_RESPONSE: 'INTERNAL',
    RESPONSE_HEAD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    BAD_REQUEST: 'INTERNAL',
    EXPECTATION_FAILED: 'INTERNAL',
    BODY_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    TARGET_TOO_LONG: 'RESOURCE_EXHAUSTED',
    TOO_MANY_FIELDS: 'RESOURCE_EXHAUSTED',
    HEAD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    BODY_TIMEOUT: 'DEADLINE_EXCEEDED',
    DENIED: 'PERMISSION_DENIED',
    RATE_LIMITED: 'RESOURCE_EXHAUSTED',
    LOOP: 'INTERNAL',
    UNKNOWN_METHOD: 'UNIMPLEMENTED',
    METHOD_OF_HTTP2: 'UNIMPLEMENTED',
    NO_TRACE: 'UNIMPLEMENTED',
    BAD_VERSION: 'UNIMPLEMENTED'
  })
  const ofRoute = { statusCode: 404, code: 'LB_NO_ROUTE', error: 'Not Found', message: '' }
  t.equal(statusName(grpcStatusOf(ofRoute)), 'UNIMPLEMENTED')
  t.equal(statusName(99), '99')
})
