import t from 'tap'
import { checkRequest } from '../../../lib/proxy/request/request-check.js'
import { madeUp } from '../../support/message.js'

const LIMITS = { headers: 5, targetBytes: 10, bodyBytes: 1000 }

/** The status that a request is refused with, if it is. */
function refusal(limits: typeof LIMITS, target: string, ...fields: string[]): number | undefined {
  const result = checkRequest(madeUp(`POST ${target} HTTP/1.1`, 'Host: a', ...fields), target, limits)
  return 'statusCode' in result ? result.statusCode : undefined
}

t.test('the target of a request may be so long', async (t) => {
  t.equal(refusal(LIMITS, '/123456789'), undefined)
  t.equal(refusal(LIMITS, '/1234567890'), 414)
  t.equal(refusal(LIMITS, 'http://a/'), undefined)
  t.equal(refusal(LIMITS, 'http://a/12'), 414, 'whatever its form')
})

t.test('a request may have so many fields', async (t) => {
  t.equal(refusal(LIMITS, '/', 'A: 1', 'A: 2', 'A: 3', 'A: 4'), undefined)
  t.equal(refusal(LIMITS, '/', 'A: 1', 'A: 2', 'A: 3', 'A: 4', 'A: 5'), 431)
})

t.test('a body may be so large, if there is a limit', async (t) => {
  for (const [length, bodyBytes, status] of [
    ['1000', 1000, undefined],
    ['1001', 1000, 413],
    ['999999999999999', 1000, 413],
    ['1001', 1001, undefined],
    ['999999999999999', 0, undefined]
  ] as const)
    t.equal(
      refusal({ ...LIMITS, bodyBytes }, '/', `Content-Length: ${length}`),
      status,
      `${length} of ${bodyBytes}`
    )
  t.equal(refusal(LIMITS, '/', 'Transfer-Encoding: chunked'), undefined, 'how large that is nobody knows yet')
})

t.test('a request that has come by too often goes in circles', async (t) => {
  const via = (count: number) => Array.from({ length: count }, () => '1.1 fairlead')
  const limits = { ...LIMITS, headers: 100 }
  t.equal(refusal(limits, '/', `Via: ${via(7).join(', ')}`, 'Via: 1.1 other'), undefined)
  t.equal(refusal(limits, '/', `Via: ${via(8).join(', ')}`), 508)
  t.equal(refusal(limits, '/', ...via(8).map((value) => `via: ${value}`)), 508, 'in several fields')
  t.equal(refusal(limits, '/', `X-Via: ${via(8).join(', ')}`), undefined)
})
