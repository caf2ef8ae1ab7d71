import type { BackendView } from '../observe/backend-view.js'

/** Control characters, which a terminal may interpret. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g

/** A table as aligned text; columns of numbers are aligned right. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows].map((row) => row.map((cell) => String(cell).replace(CONTROL, '?')))
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const isNumber = head.map((_, column) => typeof rows[0]?.[column] === 'number')
  return lines
    .map((line) =>
      line
        .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

const HEAD = ['BACKEND', 'STATE', 'WEIGHT', 'MAX', 'ACTIVE', 'TOTAL', 'FAILED', 'RETRIES', 'ORDERS', 'REASON']

/** The table of `lb status`: a row for each backend. */
export function statusTable(backends: readonly BackendView[]): string {
  const rows = backends.map((backend) => {
    const { address, state, weight, max, active, total, failed, retries, reason } = backend
    return [address, state, weight, max || '-', active, total, failed, retries, ordersOf(backend), reason]
  })
  return backendTable(HEAD, rows, backends)
}

/** A table with a row for each backend, which begins with its pool if they are of several. */
export function backendTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  backends: readonly BackendView[]
): string {
  const pools = backends.map(({ pool }) => pool)
  if (new Set(pools).size < 2) return textTable(head, rows)
  return textTable(
    ['POOL', ...head],
    rows.map((row, index) => [pools[index]!, ...row])
  )
}

/** The orders of a backend in a few words, such as `drain`; `-` for none. */
export function ordersOf({ orders: { draining, health }, backup }: BackendView): string {
  const words = [backup && 'backup', draining && 'drain', health !== 'auto' && health]
  return words.filter(Boolean).join(',') || '-'
}
