import { BlockList } from 'node:net'
import t from 'tap'
import { type RouteEntry, routeEntry } from '../../../lib/proxy/route/route-entry.js'
import { routeRejection } from '../../../lib/proxy/route/route-rejection.js'
import { FakeClient } from '../../support/fake-client.js'
import { routeWith } from '../../support/routes.js'

const trusted = new BlockList()

/** How many of so many requests of one client a route lets pass. */
function passedBy(route: RouteEntry, count: number): number {
  const { req } = new FakeClient()
  return Array.from({ length: count }, () => routeRejection(req, route, 0)).filter((found) => !found).length
}

t.test(
  'a route that is replaced goes on with the same rate limit, and begins anew with another',
  async (t) => {
    const limited = (perSecond: number, burst: number, before?: RouteEntry) =>
      routeEntry(routeWith({ rateLimit: { perSecond, burst } }), 'web', { trusted, before })
    const first = limited(0.001, 3)
    t.equal(passedBy(first, 2), 2)
    const second = limited(0.001, 3, first)
    t.equal(passedBy(second, 5), 1)
    t.equal(passedBy(limited(0.001, 4, second), 5), 4)
    t.equal(passedBy(limited(0.002, 3, second), 5), 3)
    t.equal(passedBy(routeEntry(routeWith({}), 'web', { trusted, before: second }), 9), 9)
  }
)

t.test('a request that declares too large a body is rejected before it is sent anywhere', async (t) => {
  const route = routeEntry(routeWith({}), 'web', { trusted })
  const { req } = new FakeClient('POST', { 'content-length': '11' })
  t.equal(routeRejection(req, route, 11), undefined)
  t.equal(routeRejection(req, route, 0), undefined)
  t.equal(routeRejection(req, route, 10)?.failure.statusCode, 413)
  for (const [maxBodyBytes, status] of [
    [10, 413],
    [11, undefined],
    [0, undefined]
  ] as const) {
    const own = routeEntry(routeWith({ maxBodyBytes }), 'web', { trusted })
    t.equal(routeRejection(req, own, 5)?.failure.statusCode, status)
  }
})
