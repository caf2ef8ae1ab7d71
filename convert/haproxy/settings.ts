import type { Findings } from '../findings.js'
import { secondsOf } from '../values.js'
import type { Line, Section } from './parse.js'
import { lastOf, type Settings, timeOf } from './pool.js'

/** Settings of the whole balancer by a frontend and `global`. */
export function settingsOf(
  frontend: Settings,
  sections: readonly Section[],
  findings: Findings
): Record<string, unknown> {
  const global = sections.filter(({ kind }) => kind === 'global').flatMap(({ lines }) => lines)
  const sockets = Number(
    (lastOf(frontend, 'maxconn') ?? global.findLast(({ name }) => name === 'maxconn'))?.args[0]
  )
  const drain = secondsOf(global.find(({ name }) => name === 'hard-stop-after')?.args[0] ?? '', 1)
  const time = (what: string, key: string) => {
    const seconds = timeOf(frontend, what)
    return seconds === undefined || seconds < 1 ? {} : { [key]: seconds }
  }
  return {
    ...(sockets > 0 && { 'max-sockets': sockets }),
    ...time('client', 'request-body-timeout'),
    ...time('http-request', 'request-head-timeout'),
    ...time('http-keep-alive', 'keep-alive-timeout'),
    ...time('tunnel', 'tunnel-timeout'),
    ...(drain !== undefined && { 'drain-timeout': drain }),
    ...rateLimit([...frontend.own], sections, findings),
    ...(lastOf(frontend, 'option', 'forwarded') && { forwarded: true })
  }
}

/** A limit by a table of rates and a refusal above one, as `LB_RATE_LIMIT` has it. */
function rateLimit(
  lines: readonly Line[],
  sections: readonly Section[],
  findings: Findings
): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const line of lines) {
    const [, kind, limit] =
      /\{?\s*sc\d?_?(http_req_rate|conn_cur)(?:\(\d[^)]*\))?\s+g[te]\s+(\d+)/.exec(line.text) ?? []
    if (kind === 'conn_cur') {
      found['max-sockets-per-client'] = Number(limit)
      findings.differs(line.at, line.text, 'connections above it are closed unanswered')
    } else if (kind) {
      const tables = sections.flatMap((section) => section.lines).filter(({ name }) => name === 'stick-table')
      const [, period = '10s'] = /http_req_rate\(([^)]+)\)/.exec(tables.map(({ text }) => text).join()) ?? []
      const count = Number(limit)
      const perSecond = count / (secondsOf(period, 1) ?? 10)
      // In whole numbers for each second, minute or hour.
      const [unit, rate] = (['s', 'm', 'h'] as const)
        .map((name, power) => [name, perSecond * 60 ** power] as const)
        .find(([, value]) => Number.isInteger(value) && value >= 1) ?? [
        'h',
        Math.max(1, Math.round(perSecond * 3600))
      ]
      found['rate-limit'] = `${rate}/${unit};burst=${count}`
      findings.differs(line.at, line.text, 'requests that are refused do not count, and are answered 429')
    } else if (
      /sc\d?_\w+|src_\w+\(/.test(line.text) &&
      line.name === 'http-request' &&
      !/track-sc/.test(line.text)
    )
      findings.leftOut(
        line.at,
        line.text,
        'of tables, the rate of requests and the number of connections are understood'
      )
  }
  return found
}
