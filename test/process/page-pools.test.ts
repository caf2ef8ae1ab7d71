import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from '../helper.js'
import { call, TOKEN } from '../support/api.js'
import { needs } from '../support/command.js'
import { pageOfPools } from '../support/page-fleet.js'
import { FAINT, OVERFLOWING } from '../support/page-looks.js'

/** A port of this machine that nobody listens to. */
const NOBODY = '127.0.0.1:9'

const pools = ([a, b]: readonly string[]) => ({
  pools: { web: { backends: [a, b] }, api: { backends: [b] }, search: { backends: [NOBODY] } },
  routes: [
    { name: 'api', match: { host: 'api.example' }, pool: 'api' },
    { name: 'search', match: { 'path-prefix': '/search' }, pool: 'search' },
    { name: 'old', match: { 'path-prefix': '/old' }, redirect: { 'path-prefix': '/new' } },
    { name: 'web', pool: 'web' }
  ]
})

const POOL = (name: string) => `document.getElementById('pool-${name}').parentElement`
const textOf = (selector: string) => `document.querySelector('${selector}').innerText`
const ROWS = `[...document.querySelectorAll('.route')].map((row) => row.innerText.split(/\\s*[\\n\\t]\\s*/))`

/** Some requests a second: how many, is for the moment of the tick to say. */
const RATE = /^(?!0)\d+(?:\.\d)?$|^0\.[1-9]$/

test('three pools have a section each, and the routes are listed', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, origin, page } = await pageOfPools(t, pools)
  const [first, second] = backends.map(({ address }) => address)
  t.same(
    await page.evaluate(
      `[...document.querySelectorAll('main :is(h2, h3)')].map(({ innerText }) => innerText)`
    ),
    [
      'The whole balancer',
      'Requests per second',
      'Latency',
      'Pools',
      'web',
      'api',
      'search',
      'Routes'
    ].concat('Latest changes')
  )
  t.match(
    await page.evaluate(`[...document.querySelectorAll('caption')].map(({ textContent }) => textContent)`),
    [/^Backends of web,/, /^Backends of api,/, /^Backends of search,/, /^Routes,/]
  )
  await page.until(`${POOL('web')}.innerText.includes('2 of 2')`)
  await page.until(
    `${POOL('search')}.innerText.includes('No backend is healthy: requests are answered 503.')`
  )
  t.match(await page.evaluate(textOf('#alarm')), 'Pool search has no healthy backend')
  t.notMatch(await page.evaluate(`${POOL('web')}.innerText`), 'No backend')
  t.equal(await page.evaluate(textOf('#healthy')), '3 of 4 healthy in 3 pools')
  t.match(await page.evaluate(textOf('#recent')), /search\s+127\.0\.0\.1:9/)

  for (let i = 0; i < 6; i++) await fetch(`${origin}/`)
  await fetch(`${origin}/search`)
  await fetch(`${origin}/old/x`, { redirect: 'manual' })
  const rows = await page.until(`${ROWS}.map((row) => row.at(-1)).join() === '0,1,1,6' && ${ROWS}`)
  t.match(rows, [
    ['api', 'api.example', 'api', '0', '–', '–', '0'],
    ['search', '/search/…', 'search', RATE, '0 %', '100 %', '1'],
    ['old', '/old/…', 'redirect 302 to /new/…', RATE, '0 %', '0 %', '1'],
    ['web', 'everything', 'web', RATE, '0 %', '0 %', '6']
  ])
  await page.until(
    `parseFloat(${POOL('web')}.querySelector('.pool-figures').innerText.match(/Req\\/s\\s+(\\S+)/)[1]) > 0`
  )

  backends[0]!.stop()
  await page.until(`${POOL('web')}.innerText.includes('1 of 2')`)
  await page.until(
    `document.getElementById('announcements').textContent.includes('${first} of pool web is unhealthy')`
  )

  await page.evaluate(`document.getElementById('operate').click()`)
  await page.type(TOKEN)
  await page.press('Enter', { text: '\r' })
  await page.until(`document.body.hasAttribute('data-unlocked')`)
  await page.evaluate(`document.querySelector('[aria-label="Drain ${second} of web"]').click()`)
  await page.until(`document.getElementById('confirm').open`)
  t.match(
    await page.evaluate(textOf('#confirm-text')),
    `${second} of pool web is the last healthy backend there.`
  )
  await page.press('Escape')
  await page.evaluate(`document.querySelector('[aria-label="Drain ${second} of api"]').click()`)
  await page.until(`document.getElementById('confirm').open`)
  await page.press('Tab')
  await page.press('Enter', { text: '\r' })
  await page.until(`${POOL('api')}.innerText.includes('Draining')`)
  const states = async (pool: string) =>
    (await call(Number(new URL(origin).port), 'GET', `/pools/${pool}/backends`)).json.backends.map(
      ({ state }: { state: string }) => state
    )
  t.same([await states('web'), await states('api')], [['unhealthy', 'healthy'], ['draining']])
  for (const width of [320, 390, 760, 1259, 1280]) {
    await page.show({ width, height: 800 })
    t.same(await page.evaluate(OVERFLOWING), [], `nothing is wider than ${width} pixels`)
  }
  const tables = (await page.accessibleNodes()).filter(
    ({ role, ignored }) => role?.value === 'table' && !ignored
  )
  t.match(tables.map(({ name }) => name.value).sort(), [
    /^Backends of api,/,
    /^Backends of search,/,
    /^Backends of web,/,
    /^Routes,/
  ])
  for (const isDark of [false, true]) {
    await page.show({ width: 1360, height: 900, isDark })
    t.same(await page.evaluate(FAINT), [], `every text can be read, ${isDark ? 'dark' : 'light'}`)
  }
  t.same(
    page.complaints.filter((text) => !text.includes('status of 503')),
    []
  )
})

test('a pool that was closed stays so, and a search opens it', async (t) => {
  if (!needs(t, 'chromium')) return
  const { page } = await pageOfPools(t, pools)
  const isOpen = (name: string) => `document.getElementById('pool-${name}')?.checkVisibility()`
  await page.evaluate(`${POOL('web')}.querySelector('h3 button').focus()`)
  await page.press('Enter', { text: '\r' })
  t.notOk(await page.evaluate(isOpen('web')))
  t.equal(await page.evaluate(`document.activeElement.getAttribute('aria-expanded')`), 'false')
  await page.evaluate('isBefore = true; location.reload()')
  await page.until(`!globalThis.isBefore && document.querySelector('.row') && ${isOpen('api')}`)
  t.notOk(await page.evaluate(isOpen('web')), 'this tab remembers it')
  await page.evaluate(`document.getElementById('filter').focus()`)
  await page.type('web')
  await page.until(isOpen('web'))
  t.equal(await page.evaluate(`document.getElementById('pool-api')`), null)
  t.equal(await page.evaluate(textOf('#shown')), '2 of 4 shown')
  await page.evaluate(`document.getElementById('filter').select()`)
  await page.press('Delete')
  await page.until(`document.getElementById('pool-api') && !${isOpen('web')}`)
  await page.evaluate(`document.getElementById('fold-all').click()`)
  await page.evaluate(`document.getElementById('fold-all').click()`)
  t.ok(await page.evaluate(`${isOpen('web')} && ${isOpen('search')}`))
  t.same(page.complaints, [])
})

test('of many pools and routes some are shown, and all can be found', async (t) => {
  if (!needs(t, 'chromium')) return
  const numbers = Array.from({ length: 52 }, (_, i) => i)
  const { page } = await pageOfPools(t, ([address]) => ({
    pools: Object.fromEntries(numbers.map((i) => [`pool-${i}`, { backends: [address], 'health-check': {} }])),
    routes: numbers.map((i) => ({
      name: `route-${i}`,
      match: { 'path-prefix': `/app${i}` },
      pool: `pool-${i}`
    }))
  }))
  const shown = (selector: string) => `document.querySelectorAll('${selector}').length`
  t.same(await page.evaluate(`[${shown('.pool')}, ${shown('.route')}]`), [50, 20])
  t.equal(await page.evaluate(shown('.row')), 0, 'they are closed')
  await page.evaluate(`document.getElementById('more-pools').click()`)
  await page.evaluate(`document.getElementById('more-routes').click()`)
  t.same(await page.evaluate(`[${shown('.pool')}, ${shown('.route')}]`), [52, 52])
  await page.evaluate(`document.getElementById('route-filter').focus()`)
  await page.type('app51')
  await page.until(`${shown('.route')} === 1`)
  t.equal(await page.evaluate(textOf('#routes-shown')), '1 of 52 shown')
  await page.evaluate(`document.getElementById('filter').focus()`)
  await page.type('pool-51')
  await page.until(`${shown('.pool')} === 1`)
  t.ok(await page.evaluate(`document.querySelector('.row').checkVisibility()`))
  t.same(page.complaints, [])
})

test('each pool says where its backends come from, and what is wrong with that', async (t) => {
  if (!needs(t, 'chromium')) return
  const folder = t.testdir({ 'right.json': '[]', 'wrong.json': '["nonsense"]' })
  const [right, wrong] = ['right', 'wrong'].map((name) => `file://${folder}/${name}.json`)
  const { page } = await pageOfPools(t, ([a, b]) => {
    writeFileSync(path.join(folder, 'right.json'), JSON.stringify([b]))
    return {
      pools: { web: { backends: [a, right] }, api: { backends: [a, wrong] } },
      routes: [{ pool: 'web' }]
    }
  })
  const lines = (pool: string) =>
    `[...${POOL(pool)}.querySelectorAll('.sources li')].map(({ innerText }) => innerText.split(/\\s*\\n\\s*/).join(' '))`
  await page.until(`${lines('web')}.length === 1 && ${lines('api')}.length === 1`)
  t.match(await page.evaluate(lines('web')), [new RegExp(`^${right} 1 backend changed \\d+ s ago$`)])
  t.match(await page.evaluate(lines('api')), [
    new RegExp(`^${wrong} 0 backends kept as they are for \\d+ s: "nonsense": is not a backend address`)
  ])
  await page.evaluate(`document.querySelectorAll('.row .expander')[1].click()`)
  await page.until(`document.querySelectorAll('.details')[1].innerText.includes(${JSON.stringify(right)})`)
  for (const isDark of [false, true]) {
    await page.show({ width: 1360, height: 900, isDark })
    t.same(await page.evaluate(FAINT), [])
  }
  await page.show({ width: 360, height: 740 })
  await page.until(`(${OVERFLOWING}).length === 0`).catch(() => {})
  t.same(await page.evaluate(OVERFLOWING), [])
})
