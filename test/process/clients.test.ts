import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { eventually, startBalancer, test } from '../helper.js'
import { makeAnswer, pattern } from '../support/answer.js'
import { Child } from '../support/child.js'
import { needs } from '../support/command.js'
import { BODY, curlTest } from '../support/curl.js'
import { OK, type Script } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue, readMessage, statusOf } from '../support/wire.js'

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
  const { code, stdout } = await run(['--max-time', '2', url])
  t.equal(code, 28, 'timed out')
  t.equal(`${stdout}`, 'hello')
  if (!held[0]!.destroyed) await once(held[0]!, 'close')
  await eventually(async () => (await stage.balancer.stats()).requests.inFlight === 0)
  t.equal((await stage.balancer.stats()).latency.count, 0)
})

type Upload = [name: string, args: string[], line: string, framing: string, input?: Buffer]
const NO_WAIT = ['-H', 'Expect:']

const UPLOADS: Upload[] = [
  ['a file', ['-T', 'upload'], 'PUT /upload HTTP/1.1', 'length'],
  [
    'a file in chunks',
    ['-T', 'upload', '-H', 'Transfer-Encoding: chunked'],
    'PUT /upload HTTP/1.1',
    'chunked'
  ],
  ['of unknown length', ['-T', '-'], 'PUT / HTTP/1.1', 'chunked', BODY],
  ['nothing of unknown length', ['-T', '-'], 'PUT / HTTP/1.1', 'chunked', Buffer.alloc(0)],
  ['posted', ['--data-binary', '@upload'], 'POST / HTTP/1.1', 'length'],
  ['posted in HTTP/1.0', ['--http1.0', '--data-binary', '@upload'], 'POST / HTTP/1.1', 'length'],
  ['patched', ['-X', 'PATCH', '--data-binary', '@-'], 'PATCH / HTTP/1.1', 'length', BODY],
  ['nothing posted', ['--data-binary', ''], 'POST / HTTP/1.1', 'length', Buffer.alloc(0)]
]

curlTest('curl uploads', async (t, { stage, folder, url, run }) => {
  stage.act = OK
  for (const [name, args, line, framing, input] of UPLOADS) {
    const there = args.map((arg) =>
      arg.replace(/^@?upload$/, (file) => file.replace('upload', path.join(folder, 'upload')))
    )
    const { code, stdout } = await run([...NO_WAIT, ...there, url], input)
    t.equal(code, 0, name)
    t.equal(`${stdout}`, 'ok')
    const request = stage.requests.pop()!
    t.match(request, { startLine: line, framing })
    t.ok(request.body.equals(input ?? BODY), `${name}, byte for byte`)
  }
})

type Verdict = [name: string, args: string[], says: string, status: number, sends: boolean]

const EXPECT = ['-H', 'Expect: 100-continue']
const PATIENT = ['--expect100-timeout', '5', ...EXPECT]
const NO_417 = 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n'
const NO_413 = 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'

const VERDICTS: Verdict[] = [
  ['wants it', PATIENT, 'HTTP/1.1 100 Continue\r\n\r\n', 200, true],
  ['finds it too large', PATIENT, NO_413, 413, false],
  ['does not know what is expected', PATIENT, NO_417, 417, false],
  ['says nothing', ['--expect100-timeout', '1', ...EXPECT], '', 200, true]
]

curlTest('the backend decides whether curl sends a body', async (t, { stage, folder, url, run }) => {
  for (const [name, args, says, status, sends] of VERDICTS) {
    let got: Buffer = Buffer.alloc(0)
    stage.raw = (bytes, socket) => {
      if (got.length === 0) socket.write(says)
      if (readMessage(bytes, { kind: 'request' })) socket.write(OK)
      got = bytes
    }
    const { transfers } = await run([...args, '-T', path.join(folder, 'upload'), url])
    const { http_code, time_total } = transfers.at(-1)!
    t.equal(http_code, status, name)
    t.ok(says === '' ? time_total >= 1 : time_total < 4, `after ${time_total} s`)
    const bodyAt = got.indexOf('\r\n\r\n') + 4
    t.match(got.toString('latin1', 0, bodyAt), /\r\nExpect: 100-continue\r\n/)
    const body = got.subarray(bodyAt)
    t.ok(body.equals(sends ? BODY : Buffer.alloc(0)), `the body was ${sends ? '' : 'not '}sent`)
    await stage.reset()
  }
})

const START_MS = 20_000
/** Shows the variables that it is given. */
const PROGRAM = `printf 'Content-Type: text/plain\\r\\n\\r\\n'; env | grep -E '^HTTP_|^CONTENT_' | sort`

/** A lighttpd that runs a program of CGI for each request. */
async function lighttpd(t: Test): Promise<{ address: string }> {
  const port = await freePort()
  const folder = t.testdir({
    'env.sh': PROGRAM,
    'lighttpd.conf': [
      'server.modules = ("mod_cgi")',
      'server.document-root = var.CWD',
      'server.bind = "127.0.0.1"',
      `server.port = ${port}`,
      'cgi.assign = (".sh" => "/bin/sh")'
    ].join('\n')
  })
  const child = new Child(
    t,
    ['-D', '-f', path.join(folder, 'lighttpd.conf')],
    {},
    { program: 'lighttpd', cwd: folder }
  )
  await eventually(() => {
    if (child.ended !== undefined) throw new Error(child.output)
    return fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false
    )
  }, START_MS)
  return { address: `127.0.0.1:${port}` }
}

test('a program behind lighttpd, which writes _ for whatever is no letter or digit, is told what the balancer says', async (t) => {
  if (!needs(t, 'lighttpd')) return
  const { port } = await startBalancer(t, [await lighttpd(t)])
  const forged = [
    'X_Forwarded_For',
    'X.Forwarded.For',
    "X'Forwarded`For",
    'X-Forwarded_Proto',
    'X_Real_Ip',
    'Proxy'
  ]
  const lines = ['Host: app.test', ...forged.map((name) => `${name}: 6.6.6.6`), 'X_Custom: 1', 'X.Other: 2']
  const response = await exchange(t, port, ['GET /env.sh HTTP/1.1', ...lines, '', ''].join('\r\n'))
  t.equal(statusOf(response), 200)
  const variables = new Map(
    `${response.body}`.split('\n').map((line) => line.split('=', 2) as [string, string])
  )
  t.equal(variables.get('HTTP_X_FORWARDED_FOR'), '127.0.0.1')
  t.equal(variables.get('HTTP_X_FORWARDED_PROTO'), 'http')
  t.equal(variables.get('HTTP_X_REAL_IP'), undefined)
  t.equal(variables.get('HTTP_PROXY'), undefined)
  t.same([variables.get('HTTP_X_CUSTOM'), variables.get('HTTP_X_OTHER')], ['1', '2'])
  t.notMatch(`${response.body}`, '6.6.6.6')
})

test('it takes a request that names no host, as that of another balancer may', async (t) => {
  if (!needs(t, 'lighttpd')) return
  const backend = await lighttpd(t)
  const { port } = await startBalancer(t, [backend])
  for (const start of ['GET /env.sh HTTP/1.0', 'GET /env.sh HTTP/1.1\r\nHost:']) {
    const response = await exchange(t, port, `${start}\r\n\r\n`)
    t.equal(statusOf(response), 200)
    t.match(`${response.body}`, `HTTP_HOST=${backend.address}\n`)
  }
})
