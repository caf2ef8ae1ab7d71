import { EventEmitter } from 'node:events'
import t from 'tap'
import { Audience, type Listener } from '../../../../lib/observe/live/audience.js'

/** One who writes down what it hears, and reads it when the test says so. */
class Ear extends EventEmitter implements Listener {
  readonly heard: string[] = []
  writableLength = 0
  ended = false
  destroyed = false
  /** Whether what is written stays there. */
  isSlow = false

  write(text: string): void {
    this.heard.push(text)
    if (this.isSlow) this.writableLength += text.length
  }

  end(text: string): void {
    this.write(text)
    this.ended = true
    if (!this.isSlow) this.destroy()
  }

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function audienceOf(number: number, limit = 8) {
  const audience = new Audience(limit)
  const ears = Array.from({ length: number }, () => new Ear())
  for (const ear of ears) audience.join(ear, 'first')
  return { audience, ears }
}

t.test('everyone hears everything, and each text is made once', async (t) => {
  const { audience, ears } = audienceOf(3)
  let made = 0
  const event = () => `event ${++made}`
  for (let i = 0; i < 2; i++) audience.tell(event, () => t.fail('nobody has missed anything') as never)
  for (const { heard } of ears) t.same(heard, ['first', 'event 1', 'event 2'])
})

t.test('while nobody listens nothing is made', async (t) => {
  const { audience, ears } = audienceOf(1)
  ears[0]!.destroy()
  t.equal(audience.size, 0)
  audience.tell(
    () => t.fail() as never,
    () => t.fail() as never
  )
})

t.test('events pass by one who reads slowly, and then comes the whole', async (t) => {
  const { audience, ears } = audienceOf(2)
  const [quick, slow] = ears as [Ear, Ear]
  slow.isSlow = true
  const tell = (n: number) =>
    audience.tell(
      () => `event ${n}`,
      () => `whole ${n}`
    )
  tell(1)
  for (let n = 2; n < 20; n++) tell(n)
  t.same(slow.heard, ['first', 'event 1'], 'nothing is kept for it')
  slow.writableLength = 0
  tell(20)
  slow.writableLength = 0
  tell(21)
  t.same(slow.heard, ['first', 'event 1', 'whole 20', 'event 21'])
  t.equal(quick.heard.length, 22)
})

t.test('one who reads nothing for half a minute is cut off, and makes room', async (t) => {
  const { audience, ears } = audienceOf(1, 1)
  const [ear] = ears as [Ear]
  ear.writableLength = 1
  const tell = () =>
    audience.tell(
      () => '',
      () => ''
    )
  for (let i = 0; i < 29; i++) tell()
  t.notOk(ear.destroyed)
  t.ok(audience.isFull)
  tell()
  t.ok(ear.destroyed)
  t.notOk(audience.isFull)
})

t.test('a pause that is not in a row is none', async (t) => {
  const { audience, ears } = audienceOf(1)
  const [ear] = ears as [Ear]
  for (let i = 0; i < 100; i++) {
    ear.writableLength = i % 20 === 0 ? 0 : 1
    audience.tell(
      () => '',
      () => ''
    )
  }
  t.notOk(ear.destroyed)
})

t.test('at the end all are told, and who does not listen is cut off', async (t) => {
  const { audience, ears } = audienceOf(2)
  const [quick, slow] = ears as [Ear, Ear]
  slow.isSlow = true
  audience.end('good bye')
  t.same(quick.heard, ['first', 'good bye'])
  t.ok(quick.ended)
  t.notOk(slow.destroyed, 'it has a moment')
  await new Promise((resolve) => slow.once('close', resolve))
  t.ok(slow.destroyed)
  t.equal(audience.size, 0)
})
