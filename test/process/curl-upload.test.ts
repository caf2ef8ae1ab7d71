import path from 'node:path'
import { BODY, curlTest } from '../support/curl.js'
import { OK } from '../support/raw-backend.js'
import { readMessage } from '../support/wire.js'

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
