import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { statisticsSchema } from '../../routes/lb/stats-schema.js'
import { eventually, startBalancer, test } from '../helper.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const request = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const json = (response: Message) => JSON.parse(response.body.toString())

const ajv = new Ajv({ allowUnionTypes: true })
addFormats.default(ajv)
const isValid = ajv.compile(statisticsSchema)

/** Every path to a value, so that two shapes can be compared. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, `${path}/${key}`))
}

test('the statistics match their schema, with every value', async (t) => {
  const backends = [await scripted(t, answering(OK)), await refusing(t)]
  const balancer = await startBalancer(t, backends, {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '5'
  })
  const { port } = balancer
  for (let i = 0; i < 3; i++) await exchange(t, port, request('/'))
  await eventually(() => balancer.registry.inFlight === 0)
  const response = await exchange(t, port, request('/__lb/stats'))
  t.equal(statusOf(response), 200)
  t.equal(fieldValue(response.fields, 'content-type'), 'application/json; charset=utf-8')
  t.equal(fieldValue(response.fields, 'cache-control'), 'no-store')
  const shown = json(response)
  t.ok(isValid(shown), JSON.stringify(isValid.errors))
  t.same(pathsOf(shown), pathsOf(balancer.stats()), 'nothing is left out')
  t.match(shown, {
    state: 'serving',
    requests: { total: 3, inFlight: 0 },
    backends: [
      {
        id: 0,
        address: backends[0]!.address,
        url: `http://${backends[0]!.address}`,
        weight: 1,
        state: 'healthy',
        total: 3
      },
      { id: 1, state: 'unhealthy', reason: 'check failed: connection refused', total: 0 }
    ]
  })
  t.match(shown.backends[0].lastCheck, { ok: true, result: 'status 200' })
  t.match(shown.backends[1].lastCheck, { ok: false, result: 'connection refused' })
})

test('before the first check there is no result of one', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const shown = json(await exchange(t, port, request('/__lb/stats')))
  t.ok(isValid(shown), JSON.stringify(isValid.errors))
  t.equal(shown.backends[0].lastCheck, null)
})

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

test('the schema documents every value', async (t) => {
  const check = (schema: Schema, path: string) => {
    const inner = Object.entries(schema.properties ?? {})
    for (const [name, property] of inner) check(property, `${path}/${name}`)
    if (schema.items) check(schema.items, `${path}[]`)
    if (inner.length === 0 && !schema.items) t.ok(schema.description, `${path} is described`)
  }
  check(statisticsSchema as Schema, '')
})

test('statistics are for allowed addresses; others get 404', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_ADMIN_ALLOW: '10.0.0.0/8 ::1' })
  const spoofed = ['X-Forwarded-For: 10.1.2.3', 'Forwarded: for=10.1.2.3', 'X-Real-IP: 10.1.2.3']
  const shown = async (path: string) => {
    const { startLine, fields, body } = await exchange(t, port, request(path, ...spoofed))
    return {
      startLine,
      fields: fields.filter(([name]) => name.toLowerCase() !== 'date'),
      body: body.toString()
    }
  }
  const refused = await shown('/__lb/stats')
  t.match(refused.startLine, 'HTTP/1.1 404 Not Found')
  t.same(refused, await shown('/__lb/nosuch'), 'like any page that there is not')
  for (const path of ['/__lb/live', '/__lb/ready']) {
    t.equal(statusOf(await exchange(t, port, request(path))), 200, `${path} is for everyone`)
  }
  t.equal(backend.requests.length, 0)
})

test('allowed ranges are those of LB_ADMIN_ALLOW', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const [allow, status] of [
    ['127.0.0.1', 200],
    ['127.0.0.0/31 10.0.0.1', 200],
    ['127.0.0.2', 404],
    ['::1', 404],
    ['0.0.0.0/0', 200]
  ] as const) {
    const { port } = await startBalancer(t, [backend], { LB_ADMIN_ALLOW: allow })
    t.equal(statusOf(await exchange(t, port, request('/__lb/stats'))), status, allow)
  }
})
