import t from 'tap'
import type { RouteOptions } from '../../../lib/routing/options.js'
import { RouteTable } from '../../../lib/routing/route-table.js'
import { unmatchedPaths } from '../../../lib/routing/unmatched-paths.js'
import { request, route } from '../../support/route-table.js'

const REST = route('rest')
/** Of an exact path, and of a prefix. */
const KINDS = ['=', '']

/** Whether any request for one of these paths, or for one below, has the route in a table with a route for all others. */
function isReached(own: RouteOptions, paths: readonly string[]): boolean {
  const table = new RouteTable([own, REST])
  return paths
    .flatMap((path) => [path, `${path}/x`, `${path}/x/..`, `/./${path.slice(1)}`, `/x/..${path}`])
    .some((target) => {
      const found = table.match(request(target))
      return typeof found === 'object' && found.index === 0
    })
}

t.test('a path with several readings is one that no request matches', async (t) => {
  for (const path of ['/a%2Fb', '/a%5Cb', '/a\\b', '/a;b', '/a//b', '//a', '/a%252Fb', '/a%40b', '/a%3Bb'])
    for (const kind of KINDS) {
      const own = route('own', { path: kind + path })
      t.same(unmatchedPaths(own), [path])
      t.notOk(isReached(own, [path]), kind + path)
      for (const paths of ['lenient', 'raw'] as const)
        t.same(unmatchedPaths(route('own', { path: kind + path, paths })), [])
      t.ok(isReached(route('own', { path: kind + path, paths: 'raw' }), [path]), kind + path)
    }
})

t.test('a path with one reading is not', async (t) => {
  for (const path of ['/', '/a', '/a/', '/~a', '/a%20b', '/caf%C3%A9', '/a%25b', '/a@b', '/...']) {
    for (const kind of KINDS) {
      const own = route('own', { path: kind + path })
      t.same(unmatchedPaths(own), [], kind + path)
      t.ok(isReached(own, [path]), kind + path)
    }
  }
  t.same(unmatchedPaths(REST), [])
  t.same(unmatchedPaths(route('own', { path: '~%2F' })), [])
})

t.test('a route may have all readings of its path', async (t) => {
  const both = route('both', { path: '=/a%2Fb =/a/b' })
  t.same(unmatchedPaths(both), [])
  t.ok(isReached(both, ['/a%2Fb']))
  t.same(unmatchedPaths(route('above', { path: '=/a%2Fb /a' })), [])
  t.same(unmatchedPaths(route('one', { path: '=/a%2Fb =/c' })), ['/a%2Fb'], 'one of them is of no use')
  const below = route('below', { path: '/a%2Fb /a/b/c' })
  t.same(unmatchedPaths(below), [], 'what is below may be of both')
  t.ok(isReached(below, ['/a%2Fb/c']))
})
