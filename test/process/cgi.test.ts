import path from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { eventually, startBalancer, test } from '../helper.js'
import { Child } from '../support/child.js'
import { needs } from '../support/command.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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
