import { eventually, test } from '../helper.js'
import { needs } from '../support/command.js'
import { cellOf, PATIENCE_MS, pageFleet } from '../support/page-fleet.js'

test('the page shows a backend that is killed, and is back itself when the balancer was away', async (t) => {
  if (!needs(t, 'chromium')) return
  const { backends, balancer, origin, page, restart } = await pageFleet(t, { LB_ADMIN_TOKEN: '' })
  await page.evaluate('window.isSame = true')
  for (const row of [0, 1]) await page.until(`${cellOf(row, 'state')}.startsWith('Healthy')`)
  t.match(await page.evaluate(cellOf(0, 'backend')), backends[0]!.address)
  t.equal(await page.evaluate(`document.getElementById('stream-text').textContent`), 'Live')
  for (let i = 0; i < 40; i++) await fetch(`${origin}/`)
  await page.until(`parseFloat(${cellOf(0, 'rate')}) > 0`)
  await page.until(`parseFloat(document.querySelector('.tile b').textContent) >= 0`)
  backends[1]!.child.kill('SIGKILL')
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
