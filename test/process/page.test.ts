import { eventually, test } from '../helper.js'
import { call, TOKEN } from '../support/api.js'
import { authority } from '../support/certificates.js'
import { needs } from '../support/command.js'
import { cellOf, PATIENCE_MS, pageFleet, pageOfProcess } from '../support/page-fleet.js'
import { FAINT, OVERFLOWING } from '../support/page-looks.js'
import { shown } from '../support/secure-balancer.js'

test('the page shows a backend that is gone, and is back itself when the balancer was away', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, balancer, origin, page, restart } = await pageOfProcess(t, { LB_ADMIN_TOKEN: '' })
  await page.evaluate('window.isSame = true')
  for (const row of [0, 1]) await page.until(`${cellOf(row, 'state')}.startsWith('Healthy')`)
  t.match(await page.evaluate(cellOf(0, 'backend')), backends[0]!.address)
  t.equal(await page.evaluate(`document.getElementById('stream-text').textContent`), 'Live')
  for (let i = 0; i < 40; i++) await fetch(`${origin}/`)
  await page.until(`parseFloat(${cellOf(0, 'rate')}) > 0`)
  await page.until(`parseFloat(document.querySelector('.tile b').textContent) >= 0`)
  backends[1]!.stop()
  await page.until(`${cellOf(1, 'state')}.startsWith('Unhealthy')`, 5000)
  t.match(await page.evaluate(cellOf(1, 'state')), /connection refused/)
  t.equal(await page.evaluate(`document.getElementById('healthy').textContent`), '1 of 2 healthy')
  t.match(await page.evaluate('document.title'), /^\(1 out\)/)
  t.match(
    await page.until(`document.getElementById('announcements').textContent`),
    `${backends[1]!.address} is unhealthy`,
    'who does not see it is told'
  )
  t.match(
    await page.evaluate(`document.querySelectorAll('.strip')[1].getAttribute('aria-label')`),
    /unhealthy/
  )
  t.match(await page.evaluate(`document.getElementById('recent').innerText`), 'connection refused')
  t.notOk(
    await page.evaluate(
      `[...document.querySelectorAll('#operate, .cell-actions')].some((e) => e.checkVisibility())`
    ),
    'where the balancer takes no changes, none are offered'
  )
  t.same(page.complaints, [])
  t.ok(page.requests.length > 10)
  for (const url of page.requests) t.ok(url.startsWith(`${origin}/__lb/`), url)

  balancer.kill('SIGTERM')
  await balancer.untilEnded()
  await page.until(`document.getElementById('stream').dataset.state === 'waiting'`)
  t.equal(await page.evaluate(`document.getElementById('stream-text').textContent`), 'Reconnecting')
  t.ok(await page.evaluate(`document.body.hasAttribute('data-stale')`))
  await restart()
  await page.until(`document.getElementById('stream').dataset.state === 'live'`, PATIENCE_MS)
  await page.until(`${cellOf(0, 'state')}.startsWith('Healthy')`)
  t.ok(await page.evaluate('window.isSame'), 'it was never loaded again')
  // Only that nobody was there.
  await eventually(() =>
    page.complaints.every((text) => /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE/.test(text))
  )
})

/** Expressions. */
const FOCUSED = `document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText`
const NOTICE = `document.getElementById('notice-text').textContent`
const UNLOCKED = `document.body.hasAttribute('data-unlocked')`
const buttonsOf = (row: number) =>
  `document.querySelectorAll('.row')[${row}].querySelectorAll('.cell-actions button')`

test('an operator drains and weighs a backend by keys alone', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, origin, page } = await pageFleet(t)
  const port = Number(new URL(origin).port)
  const address = backends[1]!.address
  const states = async () =>
    (await call(port, 'GET', '/backends')).json.backends.map(({ state }: { state: string }) => state)
  const tabTo = async (name: string) => {
    for (let i = 0; i < 60; i++) {
      await page.press('Tab')
      if ((await page.evaluate(FOCUSED)).trim() === name) return
    }
    t.fail(`no key leads to ${name}`)
  }
  t.notOk(
    await page.evaluate(`${buttonsOf(1)}[0].checkVisibility()`),
    'nothing can be done without the token'
  )
  await tabTo('Make changes')
  await page.press('Enter', { text: '\r' })
  await page.until(`document.activeElement.id === 'token'`)
  await page.type('not-the-token-of-it')
  await page.press('Enter', { text: '\r' })
  t.match(await page.until(`document.getElementById('unlock-fault').textContent`), 'not the token')
  t.notOk(await page.evaluate(UNLOCKED))
  await page.type(TOKEN)
  await page.press('Enter', { text: '\r' })
  await page.until(UNLOCKED)
  await tabTo(`Drain ${address}`)
  await page.press(' ')
  await page.until(`${cellOf(1, 'state')}.startsWith('Draining')`)
  t.same(await states(), ['healthy', 'draining'])
  t.match(await page.evaluate(NOTICE), 'is being drained')
  t.equal((await page.evaluate(FOCUSED)).trim(), `Undrain ${address}`, 'the focus has stayed')
  await page.press(' ')
  await page.until(`${cellOf(1, 'state')}.startsWith('Healthy')`)
  await page.press('Tab')
  await page.press('Enter', { text: '\r' })
  await page.until(`document.activeElement.id === 'weight'`)
  await page.type('7')
  await page.press('Enter', { text: '\r' })
  await page.until(`${cellOf(1, 'weight')}.startsWith('7')`)
  t.match((await call(port, 'GET', '/backends')).json.backends, [{ weight: 1 }, { weight: 7 }])
  await page.evaluate(`document.querySelector('.expander').focus()`)
  await page.press('Enter', { text: '\r' })
  t.equal(await page.evaluate(`document.querySelector('.expander').getAttribute('aria-expanded')`), 'true')
  t.match(await page.until(`document.querySelector('.details:not([hidden])')?.innerText`), 'Answers 2xx')

  // Somebody else is quicker.
  await page.evaluate(`{
    const { fetch } = window
    window.fetch = async (url, init) => {
      window.fetch = fetch
      await fetch(url, { ...init, headers: { ...init.headers, 'If-Match': '*' }, body: '{"weight":9}' })
      return fetch(url, init)
    }
  }`)
  await page.evaluate(`${buttonsOf(1)}[0].click()`)
  await page.until(`${NOTICE}.includes('Somebody else has changed')`)
  await page.until(`${cellOf(1, 'weight')}.startsWith('9')`)
  t.match(await states(), ['healthy', 'healthy'], 'nothing was done')
  await page.evaluate(`${buttonsOf(1)}[0].click()`)
  await page.until(`${cellOf(1, 'state')}.startsWith('Draining')`)

  await page.evaluate(`${buttonsOf(0)}[0].click()`)
  await page.until(`document.getElementById('confirm').open`)
  t.match(await page.evaluate(`document.getElementById('confirm').innerText`), 'the last healthy backend')
  await page.press('Escape')
  await page.until(`!document.getElementById('confirm').open`)
  t.match(await states(), ['healthy', 'draining'], 'it was not meant')
  await page.evaluate(`${buttonsOf(0)}[0].click()`)
  await page.until(`document.getElementById('confirm').open`)
  await page.press('Tab')
  await page.press('Enter', { text: '\r' })
  await page.until(`${cellOf(0, 'state')}.startsWith('Draining')`)
  t.ok(await page.evaluate(`document.getElementById('alarm').checkVisibility()`), 'nobody is left')

  // The browser itself says that requests were answered so.
  const unexpected = page.complaints.filter((text) => !/status of (401|412)/.test(text))
  t.same(unexpected, [])
  t.notOk(
    await page.evaluate(
      `JSON.stringify([localStorage, sessionStorage, document.cookie]).includes('${TOKEN}')`
    )
  )
})

const CONTROLS = new Set([
  'button',
  'textbox',
  'searchbox',
  'spinbutton',
  'combobox',
  'radio',
  'link',
  'checkbox'
])
const NAMED = new Set([
  ...CONTROLS,
  'table',
  'region',
  'dialog',
  'columnheader',
  'rowheader',
  'image',
  'group'
])

test('everyone can use it: by names, contrast, and width', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, page } = await pageFleet(t)
  await page.evaluate(`document.getElementById('operate').click()`)
  await page.type(TOKEN)
  await page.press('Enter', { text: '\r' })
  await page.until(`document.body.hasAttribute('data-unlocked')`)
  backends[1]!.stop()
  await page.until(`${cellOf(1, 'state')}.startsWith('Unhealthy')`)
  await page.evaluate(`document.querySelectorAll('.expander').forEach((button) => button.click())`)

  for (const width of [1360, 390]) {
    await page.show({ width, height: 900 })
    const nodes = (await page.accessibleNodes()).filter(({ ignored }) => !ignored)
    const roles = nodes.map(({ role }) => role.value)
    for (const { role, name, properties } of nodes)
      if (NAMED.has(role.value))
        t.ok(name?.value.trim(), `${role.value} "${name?.value}" ${JSON.stringify(properties)}`)
    t.ok(roles.filter((role) => CONTROLS.has(role)).length >= 15, 'there are controls')
    for (const role of ['banner', 'main', 'table', 'status', 'heading'])
      t.ok(roles.includes(role), `${role} at ${width}`)
    t.equal(
      roles.filter((role) => role === 'row').length,
      width > 1000 ? 5 : 4,
      'rows are rows, as cards too'
    )
  }
  const names = async () => (await page.accessibleNodes()).map(({ name }) => name?.value ?? '')
  t.ok((await names()).some((name) => name.includes('Requests per second, last five minutes. Now: Requests')))

  for (const isDark of [false, true]) {
    await page.show({ width: 1360, height: 900, isDark })
    t.same(await page.evaluate(FAINT), [], `every text can be read, ${isDark ? 'dark' : 'light'}`)
  }
  const background = `getComputedStyle(document.body).backgroundColor`
  const dark = await page.evaluate(background)
  await page.evaluate(`document.querySelector('#theme [value=light]').click()`)
  t.not(await page.evaluate(background), dark, 'who wants it light has it light')
  for (const width of [320, 360, 390, 480, 640, 768, 1024, 1259, 1280, 1440, 1600]) {
    await page.show({ width, height: 800, isCalm: true })
    // Charts take their new width in a moment.
    await page.until(`(${OVERFLOWING}).length === 0`).catch(() => {})
    t.same(await page.evaluate(OVERFLOWING), [], `nothing is wider than ${width} pixels`)
  }
  t.equal(await page.evaluate(`getComputedStyle(document.querySelector('main')).transitionDuration`), '0s')
  t.same(page.complaints, [])
})

test('of many backends some are found, and sorted', async (t) => {
  if (!needs(t, 'chromium')) return
  const many = Array.from({ length: 250 }, (_, i) => `127.0.0.1:${10_001 + i};weight=${1 + (i % 9)}`).join(
    ' '
  )
  const { page } = await pageFleet(t, { LB_BACKENDS: many, LB_NO_HEALTH_CHECK: 'true' })
  const first = `document.querySelector('.row .address').textContent`
  const shown = `document.querySelectorAll('.row').length`
  t.equal(await page.evaluate(shown), 200)
  await page.evaluate(`document.querySelector('.more:not([hidden])').click()`)
  t.equal(await page.evaluate(shown), 250)
  await page.evaluate(`document.querySelector('.head-weight button').click()`)
  t.equal(await page.evaluate(first), '127.0.0.1:10009', 'the heaviest first')
  t.equal(
    await page.evaluate(`document.querySelector('.head-weight').getAttribute('aria-sort')`),
    'descending'
  )
  await page.evaluate(`document.querySelector('.head-weight button').click()`)
  t.equal(await page.evaluate(first), '127.0.0.1:10001')
  await page.evaluate(`document.getElementById('filter').focus()`)
  await page.type(':1025')
  await page.until(`${shown} === 1`)
  t.equal(await page.evaluate(`document.getElementById('shown').textContent`), '1 of 250 shown')
  await page.evaluate(`document.getElementById('filter').select()`)
  await page.type('nobody')
  await page.until(`document.getElementById('none').checkVisibility()`)
  t.same(page.complaints, [])
})

test('the page by TLS and HTTP/2: it is live, takes changes, and holds up no end', async (t) => {
  if (!needs(t, 'chromium')) return
  const by = authority(t)
  if (!by) return
  const { balancer, page } = await pageOfProcess(t, shown(by.issue('localhost')))
  t.equal(await page.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`), 'h2')
  await page.evaluate(`document.getElementById('operate').click()`)
  await page.type(TOKEN)
  await page.press('Enter', { text: '\r' })
  await page.until(`document.body.hasAttribute('data-unlocked')`)
  await page.evaluate(`document.querySelector('.row .cell-actions button').click()`)
  await page.until(`${cellOf(0, 'state')}.startsWith('Draining')`)
  t.same(page.complaints, [])
  balancer.kill('SIGTERM')
  t.equal(await balancer.untilEnded(3000), 0)
  await page.until(`document.getElementById('stream').dataset.state === 'waiting'`)
})
