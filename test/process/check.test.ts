import { writeFileSync } from 'node:fs'
import { test } from '../helper.js'
import { SettingsFile } from '../support/config-file.js'
import { LB, run } from '../support/processes.js'

test('lb check FILE prints pools and routes, and says which pool gets no requests', async (t) => {
  const { name } = new SettingsFile(t)
  writeFileSync(
    name,
    `pools: { web: { backends: [a:80, b:80] }, api: { backends: [c:80] }, old: { backends: [d:80] } }
routes:
  - { match: { method: [GET, HEAD], host: '*.a.test', path-prefix: /api, headers: { x-a: true } }, pool: api }
  - { match: { path-regexp: ^/x, query: { q: y }, client: '::1', port: 81, tls-name: b.test }, respond: { status: 403 } }
  - { match: { path: /old }, redirect: { path: /new } }
  - { name: rest, split: [{ pool: web, weight: 3 }, { pool: api }] }
`
  )
  const { code, stdout, stderr } = await run([LB, 'check', name], {})
  t.equal(code, 0, stderr)
  t.notMatch(stdout, 'LB_BACKENDS=', 'there is no pool of the variables')
  t.match(stdout, `LB_CONFIG=${name}\n`)
  t.match(
    stdout,
    `
pool web: a:80 b:80
pool api: c:80
pool old: d:80
route route-1: GET|HEAD *.a.test /api/* header x-a -> pool api
route route-2: ~^/x query q client port 81 tls-name b.test -> respond 403
route route-3: /old -> redirect
route rest: all -> pool web (3), pool api (1)
`
  )
  t.equal(stderr, 'pool old gets no requests: no route names it\n')
})

test('lb check FILE names every fault with its place', async (t) => {
  const { name } = new SettingsFile(t)
  writeFileSync(name, 'retries: -1\nroutes:\n  - { pool: web }\n  - { match: { path-prefix: v2 } }\n')
  const { code, stdout, stderr } = await run([LB, 'check', name], { LB_CONFIG: '/nowhere' })
  t.same([code, stdout], [1, ''])
  for (const fault of [
    `LB_CONFIG: retries must be a whole number from 0 to 10, but is "-1" (${name}:1:10)`,
    `LB_CONFIG: routes[0].pool names the pool "web", but there are default (${name}:3:7)`,
    `LB_CONFIG: routes[1] must have one of pool, split, redirect, respond (${name}:4:5)`,
    `LB_CONFIG: routes[1].match.path-prefix must start with "/", but is "v2" (${name}:4:29)`
  ])
    t.ok(stderr.includes(fault), fault, { stderr })
})
