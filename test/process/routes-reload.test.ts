import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, test } from '../helper.js'
import { Child } from '../support/child.js'
import { LB } from '../support/processes.js'
import { scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

test('SIGHUP and a change of the file replace pools and routes, and say what waits for the next start', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'routes-reload-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'lb.yaml')
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) =>
      scripted(
        t,
        (_request, socket) => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`)
      )
    )
  )
  const write = (routes: string, more = '') =>
    writeFileSync(
      file,
      `pools:\n  a: { backends: ['${a!.address}'] }\n  b: { backends: ['${b!.address}'] }\nroutes: [${routes}]\n${more}`
    )
  write('{ match: { path-prefix: /a }, pool: a }')
  const port = await freePort()
  const child = new Child(t, [LB, '-p', `${port}`], { LB_CONFIG: file, LB_STATS_INTERVAL: '0' })
  await child.untilPrinted('Server listening')
  const ask = (target: string) => exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
  t.equal(`${(await ask('/a')).body}`, 'a')
  t.equal(statusOf(await ask('/b')), 404)

  write('{ match: { path-prefix: /b }, pool: b }', 'keep-alive-timeout: 7')
  child.kill('SIGHUP')
  await child.untilPrinted('Pools and routes were read again .SIGHUP.: 0 pools join, 0 leave, 0 are others')
  await child.untilPrinted('Only the next start takes over LB_KEEP_ALIVE_TIMEOUT')
  t.equal(`${(await ask('/b')).body}`, 'b')
  t.equal(statusOf(await ask('/a')), 404)

  write('{ match: { path-prefix: /b }, pool: nowhere }')
  child.kill('SIGHUP')
  await child.untilPrinted('The configuration stays as it is .SIGHUP.')
  t.match(child.output, 'nowhere')
  t.equal(`${(await ask('/b')).body}`, 'b')

  write('{ pool: a }')
  await eventually(() => child.output.includes('a file has changed'), 10_000)
  t.equal(`${(await ask('/anything')).body}`, 'a')

  writeFileSync(file, `backends: ['${a!.address}']\n`)
  child.kill('SIGHUP')
  await child.untilPrinted('only the next start can begin or end with routes')
  t.equal(`${(await ask('/anything')).body}`, 'a')
})
