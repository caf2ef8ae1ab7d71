import tap, { type Test } from 'tap'
import { Browser } from '../../screenshots/browser.js'
import type { Page } from '../../screenshots/browser-page.js'
import { TOKEN } from './api.js'
import { Child, lb } from './child.js'
import { BE, type Env } from './processes.js'
import { atEnd } from './test.js'

/** A browser takes seconds to start where others want the processor too. */
export const PATIENCE_MS = 20_000

/** Two backends as processes of their own, a balancer, and a browser that shows its page. */
export interface PageFleet {
  readonly backends: readonly { readonly address: string; readonly child: Child }[]
  readonly balancer: Child
  readonly origin: string
  readonly page: Page
  /** Starts the balancer once more, on the same port. */
  restart(): Promise<void>
}

let shared: Browser | undefined

/** One for all tests of this process: each has a page in it that shares nothing with others. */
function browser(): Browser {
  if (shared) return shared
  // It does not know the authority of the tests.
  const started = new Browser(['--ignore-certificate-errors'])
  tap.teardown(() => started.close())
  shared = started
  return started
}

export async function pageFleet(t: Test, env: Env = {}): Promise<PageFleet> {
  const backends = await Promise.all(
    ['A', 'B'].map(async (name) => {
      const child = new Child(t, [BE, '-a', '127.0.0.1', '-p', '0', '-c', name])
      await child.untilPrinted(/listening on/, PATIENCE_MS)
      const [, address] = /listening on http:\/\/(\S+)/.exec(child.output)!
      return { address: address!, child }
    })
  )
  const settings = {
    LB_BACKENDS: backends.map(({ address }) => address).join(' '),
    LB_ADMIN_TOKEN: TOKEN,
    LB_HEALTH_CHECK_URL: '/health',
    LB_HEALTH_CHECK_PERIOD: '0.5',
    LB_STATS_INTERVAL: '0',
    ...env
  }
  const balancer = lb(t, ['-p', '0'], settings)
  const port = await balancer.listening()
  const isSecure = env.LB_TLS_CERT !== undefined
  const origin = isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`
  const page = await browser().newPage()
  atEnd(t, () => page.open('about:blank'))
  await page.show({ width: 1360, height: 900 })
  await page.open(`${origin}/__lb/`)
  await page.until(`document.querySelector('.row') !== null`, PATIENCE_MS)
  const restart = async () => {
    await lb(t, ['-p', `${port}`], settings).listening()
  }
  return { backends, balancer, origin, page, restart }
}

/** An expression for what a row of the table says in one of its cells. */
export const cellOf = (row: number, cell: string) =>
  `document.querySelectorAll('.row')[${row}]?.querySelector('.cell-${cell}').innerText`
