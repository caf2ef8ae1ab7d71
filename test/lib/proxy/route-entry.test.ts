import { BlockList } from 'node:net'
import t from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { SharedRateLimits } from '../../../lib/listener/access/shared-rate-limits.js'
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

t.test('the threads of a server share the rate limit of a route, also after it was replaced', async (t) => {
  const directory = new CellDirectory()
  const limits = [0, 1].map((own) => {
    const given = own === 0 ? directory : new CellDirectory(directory.all)
    return new SharedRateLimits(new SharedCells({ count: 2, own }, given))
  })
  const limited = (thread: number, burst: number, before?: RouteEntry) =>
    routeEntry(routeWith({ rateLimit: { perSecond: 0.001, burst } }), 'web', {
      trusted,
      before,
      rateLimits: limits[thread]
    })
  const [first, other] = [limited(0, 3), limited(1, 3)]
  t.equal(passedBy(first, 2), 2)
  t.equal(passedBy(limited(1, 3, other), 5), 1)
  t.equal(passedBy(limited(0, 4, first), 3), 3)
  t.equal(passedBy(limited(1, 4, other), 3), 1)
})

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
