import { readFileSync } from 'node:fs'
import path from 'node:path'
import SwaggerParser from '@apidevtools/swagger-parser'
import Ajv from 'ajv'
import Fastify from 'fastify'
import app from '../../../app/index.js'
import { serverOptions } from '../../../app/options.js'
import { openApiDocument } from '../../../bin/openapi.js'
import { type ApiDocument, apiPage } from '../../../lib/admin/api-page.js'
import { loadConfig } from '../../../lib/config/load.js'
import { atEnd, startBalancer, test } from '../../helper.js'
import { ROOT } from '../../support/processes.js'
import { exchange } from '../../support/raw-client.js'
import { fieldValue, statusOf } from '../../support/wire.js'

const FILE = path.join(ROOT, 'docs/openapi.json')
const read = () => readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n')
const document = () => JSON.parse(read()) as ApiDocument

test('docs/openapi.json is generated from the routes', async (t) => {
  t.equal(read(), await openApiDocument(), 'if not, run "npm run docs"')
})

test('it is valid, and has every operation', async (t) => {
  await SwaggerParser.validate(JSON.parse(read()))
  const operations = Object.entries(document().paths).flatMap(([target, methods]) =>
    Object.entries(methods).map(([method, { operationId, summary, responses, security }]) => {
      t.ok(operationId && summary, `${method} ${target} has a name and a summary`)
      t.ok(responses?.['4XX'], `${method} ${target} tells of errors`)
      t.equal(
        security !== undefined,
        method !== 'get' || target.endsWith('/token'),
        `${method} ${target} needs the token if it changes anything`
      )
      return `${method} ${target}`
    })
  )
  const ofBackends = (place: string) => [
    `delete ${place}/{address}`,
    `get ${place}`,
    `get ${place}/{address}`,
    `patch ${place}/{address}`,
    `post ${place}`,
    `post ${place}/{address}/reset`,
    `put ${place}`
  ]
  const ofLeases = (place: string) => [`delete ${place}/{address}`, `put ${place}/{address}`]
  t.same(
    operations.sort(),
    [
      ...ofBackends('/__lb/api/backends'),
      ...ofBackends('/__lb/api/pools/{pool}/backends'),
      ...ofLeases('/__lb/api/leases'),
      ...ofLeases('/__lb/api/pools/{pool}/leases'),
      'get /__lb/api/pools',
      'get /__lb/api/token'
    ].sort()
  )
})

test('the document and its page are served', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const get = (target: string) => exchange(t, port, `GET /__lb/api/${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const json = await get('openapi.json')
  t.equal(statusOf(json), 200)
  t.equal(fieldValue(json.fields, 'content-type'), 'application/json; charset=utf-8')
  t.same(JSON.parse(json.body.toString()), document())
  const page = await get('')
  t.equal(statusOf(page), 200)
  t.equal(fieldValue(page.fields, 'content-type'), 'text/html; charset=utf-8')
  t.equal(fieldValue(page.fields, 'x-content-type-options'), 'nosniff')
  t.match(
    fieldValue(page.fields, 'content-security-policy'),
    /^default-src 'none'; style-src 'sha256-[^']+';/
  )
  t.equal(page.body.toString(), apiPage(document()))
})

test('the page shows every operation, and loads nothing', async (t) => {
  const page = apiPage(document())
  for (const [target, methods] of Object.entries(document().paths))
    for (const method of Object.keys(methods))
      t.ok(page.includes(`<h2><b>${method.toUpperCase()}</b> ${target}</h2>`), `${method} ${target}`)
  for (const name of ['check-status', 'orders.draining', 'if-match (header)', '1–256', 'backends[].address'])
    t.ok(page.includes(`<code>${name}`) || page.includes(name), name)
  t.notMatch(page, /<script|<link|<img|src=|@import|url\(|https?:\/\/(?!\s| or )/i)
})

test('the content of a document is escaped on the page', async (t) => {
  const evil = '<script>alert("1")</script>'
  const operation = {
    operationId: evil,
    summary: evil,
    parameters: [{ name: evil, in: evil, description: evil }]
  }
  const page = apiPage({ info: { title: evil, version: evil }, paths: { [evil]: { [evil]: operation } } })
  t.notMatch(page, /<script/i)
  t.match(page, /&lt;script&gt;alert\(&quot;1&quot;\)/)
})

test('every schema is one, which no start checks again', async (t) => {
  const config = loadConfig({ LB_ADMIN_TOKEN: 'of-nobody-at-all' })
  const fastify = Fastify({ ...serverOptions(config), logger: false })
  atEnd(t, () => fastify.close())
  const ajv = new Ajv()
  const schemas = new Map<string, object>()
  fastify.addHook('onRoute', ({ method, url, schema }) => {
    const { headers, params, body, response = {} } = schema ?? {}
    for (const [part, one] of Object.entries({ headers, params, body, ...(response as object) }))
      if (one) schemas.set(`${method} ${url} ${part}`, one as object)
  })
  await fastify.register(async (instance) => app(instance, { config }))
  await fastify.ready()
  t.ok(schemas.size > 20, `${schemas.size} schemas`)
  for (const [name, schema] of schemas) t.ok(ajv.validateSchema(schema), name)
})
