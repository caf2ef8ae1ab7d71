import t from 'tap'
import type { PathChange, PathReading } from '../../../lib/routing/options.js'
import { rewritten } from '../../../lib/routing/path-change.js'
import { pathMatch } from '../../support/route-table.js'

const full = (path: string): PathChange => ({ kind: 'full', path })
const prefix = (replacement: string): PathChange => ({ kind: 'prefix', replacement })

function changed(target: string, match: string, change: PathChange, paths: PathReading = 'strict') {
  return rewritten(target, { route: { paths }, path: match === '' ? undefined : pathMatch(match) }, change)
}

t.test('another prefix stands in place of the one that matched, and the query stays', async (t) => {
  // Path of the request, prefix, replacement, path for the backend
  const cases = `
    /shop/cart      /shop   /store   /store/cart
    /shop           /shop   /store   /store
    /shop/          /shop   /store   /store/
    /shop/cart      /shop/  /store   /store/cart
    /shop/cart      /shop   /store/  /store/cart
    /shop/          /shop/  /store/  /store/
    /shop           /shop/  /store/  /store
    /shop/cart      /shop   /        /cart
    /shop           /shop   /        /
    /shop/          /shop   /        /
    /a/b/c          /a/b    /x/y/z   /x/y/z/c
    /cart           /       /store   /store/cart
    /               /       /store   /store/
    /shop//cart     /shop   /        /cart
    /shop///cart    /shop   /store   /store/cart
    /shop/a//b      /shop   /store   /store/a//b
    /shop/a%2Fb%7E  /shop   /store   /store/a%2Fb%7E
    /%73hop/%2a     /shop   /store   /store/%2a
    /s%68op         /shop   /store   /store
    /x/../shop/a    /shop   /store   /store/a
    /x/%2E./shop/.  /shop   /store   /store/
    /shop/a/../b    /shop   /store   /store/b
    /shop/a;v=1/b   /shop   /store   /store/a;v=1/b
    /shop/caf%c3%a9 /shop   /store   /store/caf%c3%a9
    /caf%c3%a9/x    /caf%C3%A9 /bar  /bar/x
  `
  for (const line of cases.trim().split('\n')) {
    const [path = '', match = '', replacement = '', expected = ''] = line.trim().split(/ +/)
    t.equal(changed(path, match, prefix(replacement)), expected, line.trim())
    t.equal(changed(`${path}?a=/shop/..`, match, prefix(replacement)), `${expected}?a=/shop/..`)
  }
})

t.test(
  'what some server may read as a path out of the prefix is refused, unless the route says otherwise',
  async (t) => {
    for (const rest of [
      '..%2fx',
      '%252e%252e/x',
      '..;/x',
      '..\\x',
      'a/..%2f..%2fx',
      'a%2f..%2f..%5cx',
      'a//..%2f..%2f../x'
    ]) {
      t.equal(changed(`/shop/${rest}`, '/shop', prefix('/store')), undefined, rest)
      t.equal(
        changed(`/shop/${rest}`, '/shop', prefix('/store'), 'lenient')?.startsWith('/store/'),
        true,
        rest
      )
      t.equal(changed(`/shop/${rest}`, '/shop', prefix('/store'), 'raw'), `/store/${rest}`)
    }
  }
)

t.test('a full path takes the place of any other, and the query stays', async (t) => {
  for (const match of ['/shop', '=/shop/a', '~^/s', '']) {
    t.equal(changed('/shop/a?q=1&q=2', match, full('/one')), '/one?q=1&q=2')
    t.equal(changed('/shop/..%2f?', match, full('/one')), '/one?')
  }
})

t.test('an exact path is cut whole, of a regular expression or without a path nothing is', async (t) => {
  t.equal(changed('/shop/a?q', '=/shop/a', prefix('/x')), '/x?q')
  t.equal(changed('/shop/a', '=/shop/a', prefix('/')), '/')
  t.equal(changed('/shop/a', '~^/shop', prefix('/x')), '/x/shop/a')
  t.equal(changed('/shop/a', '', prefix('/x')), '/x/shop/a')
})

t.test('the asterisk of OPTIONS is no path', async (t) => {
  t.equal(changed('*', '/', prefix('/x')), '*')
  t.equal(changed('*', '', full('/x')), '*')
})
