import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { withKeyTables } from '../../bin/route-keys.js'
import type { RoutingConfig } from '../../lib/config/load.js'
import { RouteTable } from '../../lib/routing/route-table.js'
import { SettingsFile } from '../support/config-file.js'
import { complaints } from '../support/config-schema.js'
import { ROOT } from '../support/processes.js'

const PAGE = readFileSync(path.join(ROOT, 'docs/routes.md'), 'utf8').replaceAll('\r\n', '\n')
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!)
const file = new SettingsFile(t)

t.test('its tables of keys are what reads them', async (t) => {
  t.equal(PAGE, withKeyTables(PAGE), 'if not, run "npm run docs"')
})

t.test('its examples are right, for the balancer and for editors', async (t) => {
  t.ok(EXAMPLES.length > 7)
  for (const text of EXAMPLES) {
    t.same(file.faults(text), [], text)
    t.same(complaints(text), [], text)
  }
})

/** The name of the route that the table finds for a request. */
function routeOf({ routes }: RoutingConfig, method: string, url: string, headers = {}): string {
  const { host, pathname, search } = new URL(url)
  const target = pathname + search
  const place = { clientAddress: '192.0.2.1', localPort: 80, tlsName: undefined }
  const found = new RouteTable(routes).match({ method, target, host, headers, ...place })
  return typeof found === 'string' ? found : found.route.name
}

t.test('the first example sends requests where it says', async (t) => {
  const { routing } = file.load(EXAMPLES[0]!)
  for (const [url, name] of [
    ['http://api.example.com/v2/x', 'route-1'],
    ['http://api.example.com/v20', 'route-3'],
    ['http://www.example.com/old/x', 'route-3'],
    ['http://example.com/old/x', 'route-2'],
    ['http://example.com/', 'route-4']
  ] as const)
    t.equal(routeOf(routing!, 'GET', url), name, url)
})

t.test('the example of matches takes what it says', async (t) => {
  const { routing } = file.load(EXAMPLES.find((text) => text.includes('name: beta'))!)
  const headers = { 'x-channel': 'canary', authorization: 'x', 'user-agent': 'Firefox/123' }
  const url = 'http://a.example.com/cart/1?version=2'
  t.equal(routeOf(routing!, 'GET', url, headers), 'beta')
  t.equal(routeOf(routing!, 'PUT', url, headers), 'others')
  t.equal(routeOf(routing!, 'GET', url, { ...headers, 'x-channel': 'stable' }), 'others')
  t.equal(routeOf(routing!, 'GET', 'http://a.example.com/cart/1?version=20', headers), 'others')
})
