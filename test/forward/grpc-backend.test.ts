import { once } from 'node:events'
import { request } from 'node:http'
import { startBalancer, test } from '../helper.js'
import { ALL_WELL, framedMessages, GrpcClient, grpcServer, NOT_FOUND } from '../support/grpc.js'

/** A call in HTTP/1.1, which has trailers too. */
async function call(port: number, method: string, ...messages: string[]) {
  const headers = { 'Content-Type': 'application/grpc', TE: 'trailers', 'Transfer-Encoding': 'chunked' }
  const req = request({ host: '127.0.0.1', port, method: 'POST', path: `/test.Echo/${method}`, headers })
  for (const message of messages) req.write(framedMessages(message))
  req.end()
  const [res] = await once(req, 'response')
  const parts: Buffer[] = []
  for await (const part of res) parts.push(part)
  const status = res.trailers['grpc-status'] ?? res.headers['grpc-status']
  return { http: res.statusCode, status: Number(status), body: Buffer.concat(parts) }
}

test('the server and the client of the tests understand each other', async (t) => {
  const { port } = await grpcServer(t)
  t.same(await new GrpcClient(t, port).all(), ALL_WELL)
})

test('calls of gRPC pass to a backend of HTTP/2, with messages, trailers and errors', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)])
  const numbers = Array.from({ length: 50 }, (_, i) => `${i + 1}`)
  for (const [method, messages, status, answers] of [
    ['Unary', ['hello'], 0, ['hello']],
    ['Unary', ['unknown'], NOT_FOUND, []],
    ['Gather', ['a', 'b', 'c'], 0, ['abc']],
    ['Count', ['50'], 0, numbers],
    ['Chat', ['one', 'two'], 0, ['one!', 'two!']],
    ['Missing', ['x'], 12, []]
  ] as const) {
    const wanted = { http: 200, status, body: framedMessages(...answers) }
    t.same(await call(port, method, ...messages), wanted, method)
  }
})

test('a server of gRPC that shuts down in good order costs no call', async (t) => {
  const servers = [await grpcServer(t), await grpcServer(t)]
  const balancer = await startBalancer(t, servers)
  let count = 0
  let isOver = false
  const work = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { http, status } = await call(balancer.port, 'Unary', 'hello')
      count++
      if (http !== 200 || status !== 0) t.fail(`${http} ${status}`)
    }
  })
  const until = async (calls: number) => {
    while (count < calls) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await until(100)
  const shut = servers[0]!.shutDown()
  await until(count + 200)
  isOver = true
  await Promise.all(work)
  await shut
  t.equal(balancer.stats().requests.failed, 0)
})
