import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { eventually } from '../helper.js'
import { makeAnswer, pattern } from '../support/answer.js'
import { BODY, curlTest } from '../support/curl.js'
import { OK, type Script } from '../support/raw-backend.js'
import { fieldValue, readMessage } from '../support/wire.js'

const send =
  (bytes: Buffer): Script =>
  (_request, socket) =>
    void socket.write(bytes)

for (const version of ['1.0', '1.1']) {
  curlTest(`curl --http${version} gets a body of every framing`, async (t, { stage, url, run }) => {
    for (const framing of ['length', 'chunked', 'close'] as const) {
      const answer = makeAnswer({ id: framing, framing, size: 1_000_000, chunks: [1, 70_000, 999] })
      stage.act = ({ startLine }, socket) => {
        t.equal(startLine, 'GET / HTTP/1.1')
        if (answer.closes) socket.end(answer.bytes)
        else socket.write(answer.bytes)
      }
      const { code, stdout, transfers } = await run([`--http${version}`, url])
      t.match([code, transfers], [0, [{ http_code: 200 }]], framing)
      t.ok(stdout.equals(answer.body), `${framing}, byte for byte`)
    }
  })
}

curlTest('curl -Z gets many at once, each its own', async (t, { stage, folder, url, run }) => {
  const COUNT = 300
  const sizeOf = (i: number) => (i * 7919) % 90_000
  stage.act = ({ startLine }, socket) => {
    const id = startLine.split(' ')[1]!.slice(1)
    const framing = Number(id) % 2 === 0 ? 'length' : 'chunked'
    socket.write(makeAnswer({ id, framing, size: sizeOf(Number(id)), chunks: [5000, 1] }).bytes)
  }
  const parallel = ['--http1.1', '-Z', '--parallel-max', '20', '--parallel-immediate']
  const { code, transfers } = await run([
    ...parallel,
    '-o',
    path.join(folder, 'got-#1'),
    `${url}[1-${COUNT}]`
  ])
  t.equal(code, 0)
  t.equal(transfers.filter(({ http_code }) => http_code === 200).length, COUNT)
  t.equal(stage.requests.length, COUNT)
  const ids = Array.from({ length: COUNT }, (_, i) => `${i + 1}`)
  const isRight = (id: string) =>
    readFileSync(path.join(folder, `got-${id}`)).equals(pattern(id, sizeOf(Number(id))))
  t.equal(readdirSync(folder).length, COUNT + 1)
  t.same(
    ids.filter((id) => !isRight(id)),
    [],
    'byte for byte'
  )
})

const RANGED: Script = ({ fields }, socket) => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(fieldValue(fields, 'range')!)!
  const part = BODY.subarray(Number(from), to === '' ? undefined : Number(to) + 1)
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${BODY.length}`
  socket.write(`HTTP/1.1 206 Partial\r\nContent-Range: ${range}\r\nContent-Length: ${part.length}\r\n\r\n`)
  socket.write(part)
}
const coded = (name: string, bytes: Buffer) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: ${name}\r\nContent-Length: ${bytes.length}\r\n\r\n`),
    bytes
  ])
const NO_CONTENT = send(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'))

type Option = [args: string[], act: Script, line: string, status: number, body: Buffer]

const OPTIONS: Option[] = [
  [['-X', 'DELETE'], NO_CONTENT, 'DELETE', 204, Buffer.alloc(0)],
  [['-X', 'DELETE'], send(Buffer.from(OK)), 'DELETE', 200, Buffer.from('ok')],
  [['-X', 'OPTIONS'], NO_CONTENT, 'OPTIONS', 204, Buffer.alloc(0)],
  [['--compressed'], send(coded('gzip', gzipSync(BODY))), 'GET', 200, BODY],
  [['--compressed'], send(coded('deflate', deflateSync(BODY))), 'GET', 200, BODY],
  [
    ['--compressed'],
    send(coded('br', brotliCompressSync(BODY.subarray(0, 10_000)))),
    'GET',
    200,
    BODY.subarray(0, 10_000)
  ],
  [['-r', '0-0'], RANGED, 'GET', 206, BODY.subarray(0, 1)],
  [['-r', '1000-999999'], RANGED, 'GET', 206, BODY.subarray(1000, 1_000_000)],
  [['-r', '2999000-'], RANGED, 'GET', 206, BODY.subarray(2_999_000)],
  [
    ['-H', 'If-None-Match: "a"'],
    send(Buffer.from('HTTP/1.1 304 Same\r\nETag: "a"\r\n\r\n')),
    'GET',
    304,
    Buffer.alloc(0)
  ]
]

curlTest('curl gets what it asks for', async (t, { stage, url, run }) => {
  for (const [args, act, method, status, body] of OPTIONS) {
    stage.act = act
    const { code, stdout, transfers } = await run([...args, url])
    t.match([code, transfers], [0, [{ http_code: status }]], args.join(' '))
    t.equal(stage.requests.pop()!.startLine, `${method} / HTTP/1.1`)
    t.ok(stdout.equals(body), `${args.join(' ')}, byte for byte`)
  }
})

curlTest('curl -I gets a head, and the connection goes on', async (t, { stage, url, run }) => {
  stage.act = `HTTP/1.1 200 Fine\r\nContent-Length: 12345\r\nX-a: b\r\n\r\n`
  const { code, stdout, transfers } = await run(['-I', url, `${url}2`])
  t.equal(code, 0)
  t.same(
    transfers.map(({ num_connects }) => num_connects),
    [1, 0]
  )
  t.equal(`${stdout}`.match(/^HTTP\/1\.1 200 Fine\r\nContent-Length: 12345\r\nX-a: b\r\n/gm)?.length, 2)
  t.same(
    stage.requests.map(({ startLine }) => startLine),
    ['HEAD / HTTP/1.1', 'HEAD /2 HTTP/1.1']
  )
})

curlTest('curl --raw sees chunks and trailers', async (t, { stage, url, run }) => {
  const answer = makeAnswer({
    id: 'raw',
    framing: 'chunked',
    size: 100_000,
    chunks: [9, 4096],
    trailerCount: 3
  })
  stage.act = send(answer.bytes)
  const { stdout } = await run(['--raw', '-i', '-H', 'TE: trailers', url])
  const message = readMessage(stdout, { kind: 'response' })!
  t.match(message, { framing: 'chunked', size: stdout.length })
  t.same(message.trailers, answer.trailers)
  t.ok(message.body.equals(answer.body))
})

for (const [args, connects] of [
  [[], [1, 0, 0, 0]],
  [
    ['-H', 'Connection: close'],
    [1, 1, 1, 1]
  ],
  [['--http1.0'], [1, 1, 1, 1]],
  [
    ['--http1.0', '-H', 'Connection: keep-alive'],
    [1, 0, 0, 0]
  ]
] as const) {
  curlTest(`connections of curl ${args.join(' ')}`, async (t, { stage, url, run }) => {
    stage.act = OK
    const { code, stdout, transfers } = await run([...args, `${url}[1-4]`])
    t.equal(code, 0)
    t.equal(`${stdout}`, 'okokokok')
    t.same(
      transfers.map(({ num_connects }) => num_connects),
      connects
    )
  })
}

curlTest('a curl that loses patience frees its backend', async (t, { stage, url, run }) => {
  const held: Socket[] = []
  stage.act = (_request, socket) => {
    held.push(socket)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  }
  const { code, stdout } = await run(['--max-time', '0.3', url])
  t.equal(code, 28, 'timed out')
  t.equal(`${stdout}`, 'hello')
  if (!held[0]!.destroyed) await once(held[0]!, 'close')
  await eventually(() => stage.balancer.registry.inFlight === 0, 1000)
  t.equal(stage.balancer.stats().latency.count, 0)
})
