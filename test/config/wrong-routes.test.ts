import t from 'tap'
import { SettingsFile } from '../support/config-file.js'
import { fileWith, WRONG_FILES, WRONG_ROUTES } from './wrong-routes.js'

const file = new SettingsFile(t)

t.test('a route that is wrong is named, with what would be right and its place', async (t) => {
  for (const [route, wanted] of WRONG_ROUTES) {
    const [fault = '', ...others] = file.faults(fileWith(route))
    t.same(others, [], route)
    t.ok(fault.startsWith('LB_CONFIG: routes[0]'), route)
    t.ok(fault.includes(wanted), `${route}: ${wanted}`, { fault })
    t.match(fault, /\(3:\d+\)$/, route)
  }
})

t.test('a file that is wrong as a whole', async (t) => {
  for (const [text, wanted] of WRONG_FILES)
    t.same(
      file.faults(text),
      wanted.map((fault) => `LB_CONFIG: ${fault}`),
      text
    )
})
