import type { AdminClient } from '../lib/admin/client.js'
import { liveTable, type Snapshot } from '../lib/admin/live-table.js'

const PERIOD_MS = 1000
/** Switches to the terminal's alternate screen, and back at the end. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const FROM_TOP = '\x1b[H'
const REST_OF_LINE = '\x1b[K'
const REST_OF_SCREEN = '\x1b[J'
const CTRL_C = '\x03'

/**
 * Shows a balancer's state every second, until `q` or ^C. If the output is no terminal, tables follow one another.
 * @param pool whose backends are shown; those of all pools if undefined
 */
export async function top(client: AdminClient, pool: string | undefined): Promise<void> {
  const { stdin, stdout } = process
  const isTerminal = stdout.isTTY === true
  let before: Snapshot | undefined
  let timer: NodeJS.Timeout | undefined
  let finish!: (error?: Error) => void
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve())
  })

  const take = async (): Promise<Snapshot> => {
    const pools = pool === undefined ? await client.pools() : [pool]
    const [statistics, backends] = await Promise.all([client.statistics(), client.backends(pools)])
    return { atMs: performance.now(), statistics, backends }
  }
  const show = (text: string) => {
    if (!isTerminal) stdout.write(`${text}\n\n`)
    else
      stdout.write(`${FROM_TOP}${text.replaceAll('\n', `${REST_OF_LINE}\n`)}${REST_OF_LINE}${REST_OF_SCREEN}`)
  }
  const cut = (text: string) =>
    text
      .split('\n')
      .slice(0, (stdout.rows ?? 25) - 1)
      .map((line) => line.slice(0, stdout.columns ?? 80))
      .join('\n')
  const tick = async () => {
    try {
      const now = await take()
      const text = liveTable(now, before)
      before = now
      show(isTerminal ? cut(text) : text)
    } catch (error) {
      // Waits for a balancer that restarts, but not for one that has never answered.
      if (!before) return finish(error as Error)
      show((error as Error).message)
    }
    timer = setTimeout(tick, PERIOD_MS)
  }

  stdin.on('data', (keys) => {
    if (/[qQ]/.test(String(keys)) || String(keys).includes(CTRL_C)) finish()
  })
  // The reader has closed the pipe.
  stdout.on('error', () => finish())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => finish())
  if (stdin.isTTY) stdin.setRawMode(true)
  if (isTerminal) stdout.write(ENTER)
  try {
    void tick()
    await finished
  } finally {
    clearTimeout(timer)
    if (isTerminal) stdout.write(LEAVE)
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.destroy()
  }
}
