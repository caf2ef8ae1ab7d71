import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { createLoadBalancer } from '../../index.js'
import { atEnd, eventually, test } from '../helper.js'
import { ROOT } from '../support/processes.js'
import { OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

const answering = (t: Test) => scripted(t, (_request, socket) => void socket.write(OK))
const pathsAt = ({ requests }: RawBackend) => requests.map(({ startLine }) => startLine.split(' ')[1])

test('the example of pools and routes in a program does what it says', async (t) => {
  const page = readFileSync(path.join(ROOT, 'docs/library.md'), 'utf8').replaceAll('\r\n', '\n')
  const example = [...page.matchAll(/^```js\n(.*?)^```$/gms)].find(([, code]) =>
    code!.includes('routes: [')
  )![1]!
  const backends = await Promise.all([answering(t), answering(t), answering(t)])
  const [web, , api] = backends
  const given = ['127.0.0.1:3000', '127.0.0.1:4000', '127.0.0.1:4001']
  const code = given.reduce((text, address, i) => text.replaceAll(address, backends[i]!.address), example)
  // The routes that it begins with are asked before it replaces them.
  const [before, after] = code.replace('port: 8000', "port: 0, host: '127.0.0.1'").split(/^const \{ changed/m)
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor
  const run = AsyncFunction(
    'createLoadBalancer',
    'ask',
    `${before}await ask(lb)\nconst { changed${after}return lb`
  )
  const asked: unknown[] = []
  const ask = async (lb: ReturnType<typeof createLoadBalancer>) => {
    atEnd(t, () => lb.close())
    const { port } = lb.server.address() as { port: number }
    // On a busy machine a first check may not end in time.
    const isReady = () =>
      lb.fairlead.stats().backends.every(({ state }) => /^(?:healthy|draining)$/.test(state))
    await eventually(isReady, 20_000)
    for (const [target, host] of [
      ['/v2/x', 'api.example.com'],
      ['/old', 'a.example'],
      ['/', 'a.example']
    ])
      asked.push((await exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).startLine)
    t.same(lb.fairlead.names, ['web', 'api'])
  }
  const lb = await run(createLoadBalancer, ask)
  t.match(asked, [/200/, /308/, /200/])
  t.ok(pathsAt(api!).includes('/x'))
  t.ok(pathsAt(web!).includes('/healthz'))
  t.match(lb.fairlead.stats(), { routes: [{ pools: ['web', 'api'] }] })
  t.same(lb.fairlead.stats().routes.length, 1)
})
