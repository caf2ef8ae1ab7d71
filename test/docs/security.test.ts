import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { RouteTable } from '../../lib/routing/route-table.js'
import { SettingsFile } from '../support/config-file.js'
import { complaints } from '../support/config-schema.js'
import { ROOT } from '../support/processes.js'
import { request, routed } from '../support/route-table.js'
import { AMBIGUOUS } from '../support/routing-cases.js'

const PAGE = readFileSync(path.join(ROOT, 'docs/security.md'), 'utf8').replaceAll('\r\n', '\n')
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!)

t.test(
  'the example for backends that ignore case has each spelling of the path on the route that is guarded',
  async (t) => {
    const example = EXAMPLES.find((text) => text.includes('(?i)'))!
    const file = new SettingsFile(t)
    t.same(file.faults(example), [])
    t.same(complaints(example), [])
    const table = new RouteTable(file.load(example).routing!.routes)
    const cases: Readonly<Record<string, readonly string[]>> = {
      admin: ['/admin', '/ADMIN', '/Admin/', '/aDmIn/users?x', '/%41dmin', '/%61DMIN/x', '/ADMIN/x%2Fy'],
      rest: ['/', '/administrators', '/Administrators', '/x/Admin'],
      [AMBIGUOUS]: ['/x/../Admin', '/Admin%2Fx', '//ADMIN', '/ADMIN;x', '/Admin/../x', '/%2541DMIN']
    }
    for (const [expected, targets] of Object.entries(cases))
      for (const target of targets) t.equal(routed(table, target), expected, target)
    const found = table.match(request('/Admin'))
    t.ok(typeof found === 'object' && found.route.filters.allow, 'which lets in some clients alone')
  }
)
