import { test } from '../helper.js'
import { call, TOKEN } from '../support/api.js'
import { needs } from '../support/command.js'
import { cellOf, pageFleet } from '../support/page-fleet.js'

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
