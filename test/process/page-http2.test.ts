import { test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { authority } from '../support/certificates.js'
import { needs } from '../support/command.js'
import { cellOf, pageFleet } from '../support/page-fleet.js'
import { shown } from '../support/secure-balancer.js'

test('the page by TLS and HTTP/2: it is live, takes changes, and holds up no end', async (t) => {
  if (!needs(t, 'chromium')) return
  const by = authority(t)
  if (!by) return
  const { balancer, page } = await pageFleet(t, shown(by.issue('localhost')))
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
