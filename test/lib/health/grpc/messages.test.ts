import fc from 'fast-check'
import t from 'tap'
import { BrokenMessage, frameMessage, MessageReader } from '../../../../lib/health/grpc/message-reader.js'
import { healthRequest, servingStatusOf } from '../../../../lib/health/grpc/messages.js'

t.test('a request names the service, in the format of protobuf', async (t) => {
  t.equal(healthRequest('').toString('hex'), '')
  t.equal(healthRequest('abc').toString('hex'), '0a03616263')
  const long = healthRequest('x'.repeat(300))
  t.equal(long.subarray(0, 3).toString('hex'), '0aac02')
  t.equal(long.length, 303)
  t.equal(frameMessage(healthRequest('abc')).toString('hex'), '00000000050a03616263')
})

t.test('the status of a response is read, whatever else is in it', async (t) => {
  for (const [hex, status] of [
    ['', 0],
    ['0801', 1],
    ['0802', 2],
    ['0803', 3],
    ['08ff01', 255],
    ['08010802', 2],
    ['1201ff0801', 1],
    ['15000000000801', 1],
    ['1900000000000000000801', 1],
    ['08ffffffffffffffffff01', 2 ** 64],
    ['a006070801', 1]
  ] as const) {
    t.equal(servingStatusOf(Buffer.from(hex, 'hex')), status, hex)
  }
})

t.test('what is no such response is broken', async (t) => {
  for (const hex of [
    '08',
    '0880',
    '0a05616263',
    '1500',
    '19',
    '0b',
    '0c',
    '00',
    '0001',
    '80808080808080808080800801'
  ])
    t.throws(() => servingStatusOf(Buffer.from(hex, 'hex')), { message: 'no message of health' }, hex)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        return servingStatusOf(Buffer.from(bytes)) >= 0
      } catch (error) {
        return error instanceof BrokenMessage
      }
    }),
    { numRuns: 2000 }
  )
})

t.test('messages are read in whatever parts they come', async (t) => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three'), Buffer.alloc(100, 1)]
  const body = Buffer.concat(messages.map(frameMessage))
  for (const size of [1, 2, 3, 5, 7, 50, body.length]) {
    const read: Buffer[] = []
    const reader = new MessageReader(100, (message) => read.push(Buffer.from(message)))
    for (let at = 0; at < body.length; at += size) reader.push(body.subarray(at, at + size))
    t.same(read, messages, `${size} at a time`)
  }
})

t.test('messages that are compressed or too large are broken', async (t) => {
  const reader = () => new MessageReader(10, () => {})
  t.throws(() => reader().push(frameMessage(Buffer.alloc(11))), { message: 'message too large' })
  t.throws(() => reader().push(Buffer.from([1, 0, 0, 0, 0])), { message: 'compressed message' })
})
