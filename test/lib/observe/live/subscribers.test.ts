import { EventEmitter } from 'node:events'
import t from 'tap'
import { type Subscriber, Subscribers } from '../../../../lib/observe/live/subscribers.js'

/** One who writes down what it hears, and reads it when the test says so. */
class Client extends EventEmitter implements Subscriber {
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

function subscribersOf(number: number, limit = 8) {
  const subscribers = new Subscribers(limit)
  const clients = Array.from({ length: number }, () => new Client())
  for (const client of clients) subscribers.add(client, 'first')
  return { subscribers, clients }
}

t.test('everyone hears everything, and each text is made once', async (t) => {
  const { subscribers, clients } = subscribersOf(3)
  let made = 0
  const event = () => `event ${++made}`
  for (let i = 0; i < 2; i++) subscribers.send(event, () => t.fail('nobody has missed anything') as never)
  for (const { heard } of clients) t.same(heard, ['first', 'event 1', 'event 2'])
})

t.test('while nobody listens nothing is made', async (t) => {
  const { subscribers, clients } = subscribersOf(1)
  clients[0]!.destroy()
  t.equal(subscribers.size, 0)
  subscribers.send(
    () => t.fail() as never,
    () => t.fail() as never
  )
})

t.test('events pass by one who reads slowly, and then comes the whole', async (t) => {
  const { subscribers, clients } = subscribersOf(2)
  const [quick, slow] = clients as [Client, Client]
  slow.isSlow = true
  const send = (n: number) =>
    subscribers.send(
      () => `event ${n}`,
      () => `whole ${n}`
    )
  send(1)
  for (let n = 2; n < 20; n++) send(n)
  t.same(slow.heard, ['first', 'event 1'], 'nothing is kept for it')
  slow.writableLength = 0
  send(20)
  slow.writableLength = 0
  send(21)
  t.same(slow.heard, ['first', 'event 1', 'whole 20', 'event 21'])
  t.equal(quick.heard.length, 22)
})

t.test('one who reads nothing for half a minute is cut off, and makes room', async (t) => {
  const { subscribers, clients } = subscribersOf(1, 1)
  const [client] = clients as [Client]
  client.writableLength = 1
  const send = () =>
    subscribers.send(
      () => '',
      () => ''
    )
  for (let i = 0; i < 29; i++) send()
  t.notOk(client.destroyed)
  t.ok(subscribers.isFull)
  send()
  t.ok(client.destroyed)
  t.notOk(subscribers.isFull)
})

t.test('a pause that is not in a row is none', async (t) => {
  const { subscribers, clients } = subscribersOf(1)
  const [client] = clients as [Client]
  for (let i = 0; i < 100; i++) {
    client.writableLength = i % 20 === 0 ? 0 : 1
    subscribers.send(
      () => '',
      () => ''
    )
  }
  t.notOk(client.destroyed)
})

t.test('at the end all are told, and who does not listen is cut off', async (t) => {
  const { subscribers, clients } = subscribersOf(2)
  const [quick, slow] = clients as [Client, Client]
  slow.isSlow = true
  subscribers.end('good bye')
  t.same(quick.heard, ['first', 'good bye'])
  t.ok(quick.ended)
  t.notOk(slow.destroyed, 'it has a moment')
  await new Promise((resolve) => slow.once('close', resolve))
  t.ok(slow.destroyed)
  t.equal(subscribers.size, 0)
})
