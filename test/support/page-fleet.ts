import { createServer } from 'node:http'
import tap, { type Test } from 'tap'
import { Browser } from '../../screenshots/browser.js'
import type { Page } from '../../screenshots/browser-page.js'
import { startBalancer, startRoutes } from '../helper.js'
import { TOKEN } from './api.js'
import { lb } from './child.js'
import { listen } from './listen.js'
import type { Env } from './processes.js'
import { atEnd } from './test.js'

/** A browser takes seconds to start where others want the processor too. */
export const PATIENCE_MS = 20_000

/** Two backends, a balancer, and a browser that shows its page. */
export interface PageFleet {
  readonly backends: readonly Stoppable[]
  readonly origin: string
  readonly page: Page
}

interface Stoppable {
  readonly address: string
  /** From then on it refuses connections. */
  stop(): void
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

async function stoppable(t: Test): Promise<Stoppable> {
  const server = createServer((_req, res) => res.end('ok'))
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { address: await listen(t, server), stop }
}

/** Backends, and the settings of a balancer before them. */
async function setUp(t: Test, env: Env) {
  const backends = await Promise.all([stoppable(t), stoppable(t)])
  const settings: Env = {
    LB_BACKENDS: backends.map(({ address }) => address).join(' '),
    LB_ADMIN_TOKEN: TOKEN,
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_URL: '/health',
    LB_HEALTH_CHECK_PERIOD: '0.5',
    LB_STATS_INTERVAL: '0',
    ...env
  }
  return { backends, settings }
}

async function shownBy(t: Test, origin: string): Promise<Page> {
  const page = await browser().newPage()
  atEnd(t, () => page.open('about:blank'))
  await page.show({ width: 1360, height: 900 })
  await page.open(`${origin}/__lb/`)
  await page.until(`document.querySelector('.pool') !== null`, PATIENCE_MS)
  return page
}

/** The balancer is in this process. */
export async function pageFleet(t: Test, env: Env = {}): Promise<PageFleet> {
  const { backends, settings } = await setUp(t, env)
  const { port } = await startBalancer(t, backends, settings)
  const origin = `http://127.0.0.1:${port}`
  return { backends, origin, page: await shownBy(t, origin) }
}

/**
 * The balancer is in this process, and has pools and routes.
 * @param fileOf the content of the file, for the addresses of two backends
 */
export async function pageOfPools(
  t: Test,
  fileOf: (addresses: readonly string[]) => object
): Promise<PageFleet> {
  const { backends, settings } = await setUp(t, {})
  const { LB_BACKENDS: _none, ...env } = settings
  const { port } = await startRoutes(t, fileOf(backends.map(({ address }) => address)), env)
  const origin = `http://127.0.0.1:${port}`
  return { backends, origin, page: await shownBy(t, origin) }
}

/** The balancer is a process, which ends and is started again on the same port. */
export async function pageOfProcess(t: Test, env: Env = {}) {
  const { backends, settings } = await setUp(t, env)
  const balancer = lb(t, ['-p', '0'], settings)
  const port = await balancer.listening()
  const isSecure = env.LB_TLS_CERT !== undefined
  const origin = isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`
  const restart = async () => {
    await lb(t, ['-p', `${port}`], settings).listening()
  }
  return { backends, origin, page: await shownBy(t, origin), balancer, restart }
}

/** An expression for what a row of the table says in one of its cells. */
export const cellOf = (row: number, cell: string) =>
  `document.querySelectorAll('.row')[${row}]?.querySelector('.cell-${cell}').innerText`
