import { readFileSync } from 'node:fs'
import t from 'tap'
import { configSchemaText } from '../../bin/docs.js'
import { describeVariables } from '../../lib/config/schema.js'
import { keyOf } from '../../lib/config/variable.js'
import { exports as exported, files } from '../../package.json'
import { complaints, SCHEMA_FILE } from '../support/config-schema.js'
import { fileWith, WRONG_FILES, WRONG_ROUTES } from './wrong-routes.js'

t.test('config.schema.json is made of what reads the file', async (t) => {
  t.equal(
    readFileSync(SCHEMA_FILE, 'utf8').replaceAll('\r\n', '\n'),
    configSchemaText(),
    'if not, run "npm run docs"'
  )
})

t.test('it is in the package', async (t) => {
  t.ok(files.includes('config.schema.json'))
  t.equal(exported['./config.schema.json'], './config.schema.json')
})

t.test('what is wrong in its structure is refused', async (t) => {
  for (const [route, , isOfValues] of WRONG_ROUTES)
    if (!isOfValues) t.ok(complaints(fileWith(route)).length > 0, route)
  for (const [text, , isOfValues] of WRONG_FILES) if (!isOfValues) t.ok(complaints(text).length > 0, text)
})

t.test('each setting is accepted with its default, as it stands in a file', async (t) => {
  for (const { name, info } of describeVariables()) {
    if (name === 'LB_CONFIG') continue
    t.same(complaints(`${keyOf(name)}: ${info.fallback || '""'}`), [], name)
    t.same(complaints(`${keyOf(name)}: ${JSON.stringify(info.fallback)}`), [], `${name}, as a text`)
  }
})

const RIGHT = [
  'health-check: false\nsticky: true\nejection: true\nhttp2: { max-streams: 5 }',
  'x-common: &common { retries: 1 }\npools: { a: { <<: *common, backends: [{ address: b:80, weight: 3, backup: true }] } }',
  'trusted-proxies: [10.0.0.0/8]\nhealth-check: { status: [200, 300-302], headers: ["X-A: 1"] }\nretry: { status: 502-504 }',
  fileWith('{ pool: 5 }').replace('web:', '5:'),
  fileWith(
    '{ match: { headers: { a: [1, true, { regexp: b }] }, query: { c: d }, port: [80, 443] }, pool: web }'
  )
]

t.test('what is right is accepted', async (t) => {
  for (const text of RIGHT) t.same(complaints(text), [], text)
})
