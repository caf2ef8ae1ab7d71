import { test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { needs } from '../support/command.js'
import { cellOf, pageFleet } from '../support/page-fleet.js'

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

/** Texts of the page with less contrast to what is behind them than 4.5, and what they are. */
const FAINT = `(() => {
  const read = (text) => text.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = read(getComputedStyle(at).backgroundColor)
      if (color[3] !== 0) return color
    }
    return [255, 255, 255]
  }
  const faint = []
  for (const element of document.querySelectorAll('body *')) {
    const isText = [...element.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '')
    if (!isText || !element.checkVisibility() || element.closest('noscript, .hidden')) continue
    const style = getComputedStyle(element)
    const color = element.namespaceURI.endsWith('svg') ? style.fill : style.color
    const [a, b] = [luminance(read(color)), luminance(behind(element))].sort()
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) faint.push(element.outerHTML.slice(0, 80) + ' ' + ratio.toFixed(2))
  }
  return faint
})()`

/** What is wider than the window. */
const OVERFLOWING = `[...document.querySelectorAll('body *')].filter((element) => {
  const { width, right, left } = element.getBoundingClientRect()
  return width > 0 && (right > innerWidth + 0.5 || left < -0.5) && !element.closest('.hidden, #symbols, .skip')
}).map((element) => element.outerHTML.slice(0, 80)).concat(
  document.documentElement.scrollWidth > innerWidth ? ['it scrolls to the side'] : [])`

test('everyone can use it: by names, contrast, and width', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, page } = await pageFleet(t)
  await page.evaluate(`document.getElementById('operate').click()`)
  await page.type(TOKEN)
  await page.press('Enter', { text: '\r' })
  await page.until(`document.body.hasAttribute('data-unlocked')`)
  backends[1]!.child.kill('SIGKILL')
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
  await page.evaluate(`document.getElementById('more').click()`)
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
