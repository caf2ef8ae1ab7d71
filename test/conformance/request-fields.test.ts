import { test } from '../helper.js'
import { fieldValues } from '../support/wire.js'
import { requestFields } from './cases/request-fields.js'
import { openStage, testCases } from './harness.js'

const request = (lines: readonly string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

const trailersIn = (te: string) => request([`TE: ${te}`, 'Connection: TE'])

for (const [name, cases] of Object.entries(requestFields)) testCases(name, cases)

test('Connection cannot take away what the request needs', async (t) => {
  const stage = await openStage(t)
  const names = ['Host', 'Content-Length', 'Via', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host']
  for (const name of [...names, 'X-Forwarded-Port', 'X-Request-Id', 'Transfer-Encoding', 'Connection']) {
    const sent = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close, ${name}\r\nContent-Length: 5\r\n\r\nhello`
    const { request } = await stage.ask(sent)
    t.equal(request?.body.toString(), 'hello', `a body despite ${name} (RFC 9110, 7.6.1)`)
    for (const needed of [...names, 'X-Request-Id'])
      t.equal(fieldValues(request!.fields, needed).length, 1, `${needed} despite ${name} (RFC 9110, 7.6.1)`)
  }
})

test('TE: trailers is passed on, as a field of the connection to the backend', async (t) => {
  const stage = await openStage(t)
  for (const te of ['trailers', 'Trailers', 'gzip, trailers', 'trailers;q=1, deflate']) {
    const { request } = await stage.ask(trailersIn(te))
    const options = fieldValues(request!.fields, 'connection')
      .join()
      .toLowerCase()
      .split(/\s*,\s*/)
    t.same(fieldValues(request!.fields, 'te'), ['trailers'], `${te} (RFC 9110, 10.1.4)`)
    t.ok(options.includes('te'), `Connection names it, of ${te} (RFC 9110, 10.1.4)`)
    t.notOk(options.includes('close'), `the connection stays, of ${te} (RFC 9110, 10.1.4)`)
  }
})

test('Host keeps its place, case and value', async (t) => {
  const stage = await openStage(t)
  for (const [name, value] of [
    ['hOST', 'Example.COM:8080'],
    ['Host', '[::1]:80'],
    ['HOST', "a-._~!$&'()*+;=%41"],
    ['host', 'x:']
  ] as const) {
    const { request } = await stage.ask(`GET / HTTP/1.1\r\nA: 1\r\n${name}: ${value}\r\nB: 2\r\n\r\n`)
    t.same(
      request!.fields.slice(0, 3),
      [
        ['A', '1'],
        [name, value],
        ['B', '2']
      ],
      `${name} (RFC 9110, 7.2)`
    )
  }
})
