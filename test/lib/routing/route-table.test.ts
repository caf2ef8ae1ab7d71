import t from 'tap'
import { RouteTable } from '../../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../../lib/routing/routed-request.js'
import { type Conditions, request, route } from '../../support/route-table.js'

/** A request that notes what is read of it. */
function watched(line: string): { request: RoutedRequest; reads: string[] } {
  const reads: string[] = []
  const plain = request(line, { headers: { a: '1' } })
  const handler: ProxyHandler<RoutedRequest> = {
    get: (of, name: keyof RoutedRequest) => {
      reads.push(name)
      return of[name]
    }
  }
  return { request: new Proxy(plain, handler), reads }
}

t.test('what no route asks for is not read', async (t) => {
  const cases: [conditions: Conditions, reads: string[]][] = [
    [{}, ['target']],
    [{ path: '/a' }, ['target']],
    [{ host: 'a.example', path: '/a' }, ['host', 'target']],
    [{ method: 'GET' }, ['method', 'target']],
    [{ method: 'POST', headers: { a: true }, client: '10.0.0.0/8' }, ['method', 'target']],
    [{ headers: { a: true } }, ['headers', 'target']],
    [{ port: '80' }, ['localPort', 'target']],
    [{ tls: 'a.example' }, ['target', 'tlsName']],
    [{ client: '192.0.2.0/24' }, ['clientAddress', 'target']]
  ]
  for (const [conditions, expected] of cases) {
    const { request, reads } = watched('a.example/a?q')
    new RouteTable([route('one', conditions)]).match(request)
    t.same([...new Set(reads)].sort(), expected, JSON.stringify(conditions))
  }
})

t.test('a match names the route, its place and the path that it matched by', async (t) => {
  const routes = [route('first', { path: '/x' }), route('second', { path: '=/a /b' })]
  const table = new RouteTable(routes)
  t.equal(table.routes, routes)
  const found = table.match(request('/b/c'))
  if (typeof found === 'string') return t.fail(found)
  t.equal(found.route, routes[1])
  t.equal(found.index, 1)
  t.same(found.path, { kind: 'prefix', path: '/b' })
})

t.test('a thousand routes of as many kinds are found among each other', async (t) => {
  const routes = Array.from({ length: 1000 }, (_, index) => {
    const host = index % 3 === 0 ? `*.h${index % 50}.example` : `h${index % 50}.example`
    return route(`r${index}`, { host, path: `${index % 2 ? '=' : ''}/p${index}/q` })
  })
  const table = new RouteTable(routes)
  for (const [index, { name }] of routes.entries()) {
    const host = `${index % 3 === 0 ? 'a.b.' : ''}h${index % 50}.example`
    const found = table.match(request(`${host}/p${index}/q`))
    if (typeof found === 'string' || found.route.name !== name) t.fail(name)
    if (typeof table.match(request(`x.${host}/p${index + 1}`)) !== 'string') t.fail(`none for ${index + 1}`)
  }
})

t.test('hosts and targets that are very long take no longer than their length', async (t) => {
  const table = new RouteTable([
    route('suffix', { host: `*.${'x.'.repeat(100)}example`, path: '/a' }),
    route('api', { path: '/api' }),
    route('rest')
  ])
  const hostile = [
    request(`${'a.'.repeat(8000)}example/a`),
    request(`${'.'.repeat(16_000)}/a`),
    ...['/', '//a', '/a/..', '%2e%2f', '%252e%252f', ';a/', '\\a', '/a;b/../%2e.%2f%252e%255c//\\'].map(
      (unit) => request(`/api${unit.repeat(8000 / unit.length)}`)
    )
  ]
  for (const one of hostile) {
    const started = process.cpuUsage()
    for (let count = 0; count < 10; count++) table.match(one)
    const { user } = process.cpuUsage(started)
    // A hundred times what it takes: quadratic time would be more than that.
    t.ok(user / 10 < 100_000, `${one.host?.slice(0, 20)} ${one.target.slice(0, 40)}: ${user / 10} µs`)
  }
})
