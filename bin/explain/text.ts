import { textTable } from '../../lib/admin/text-table.js'
import type { FieldChanges } from '../../lib/routing/options.js'
import type { Report } from './report.js'

/** Lines under a title. */
type Section = readonly [title: string, lines: readonly string[]]

/** The report for people. */
export function reportText(report: Report): string {
  const sections: Section[] = [
    ['', [summaryOf(report), ...poolLines(report)]],
    ['The readings of the path', readingLines(report)],
    ['A backend gets', requestLines(report)],
    ['The client gets', answerLines(report)],
    ['The route says', saidLines(report)],
    ['Other routes', otherLines(report)]
  ]
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) =>
      title === '' ? lines : [`${title}:`, ...lines.map((line) => `  ${line}`.trimEnd())]
    )
    .map((lines) => lines.map(printable).join('\n'))
    .join('\n\n')
}

/** Control characters, which a terminal may interpret. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const printable = (line: string) => line.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')

function summaryOf({ outcome, hasRoutes, route, matchedPath, path, answer }: Report): string {
  switch (outcome) {
    case 'own-page':
      return "No route: this is one of the balancer's own pages."
    case 'no-route':
      return `No route matches ${path}.`
    case 'ambiguous-path':
      return route === null
        ? `The path is ambiguous: servers read ${path} as paths of different routes.`
        : `The path is ambiguous: what the route ${route} leaves of it may lead out of its prefix.`
    default: {
      const by = matchedPath === null ? '' : `, as ${path} matches ${matchedPath}`
      const found =
        route === null ? (hasRoutes ? 'No route' : 'There are no routes') : `The route is ${route}${by}`
      return outcome === 'refused' ? `${found}; refused: ${answer!.code}.` : `${found}.`
    }
  }
}

function poolLines({ pools, clientPool }: Report): string[] {
  const lines = pools.map(({ pool, share, backends, timeoutSeconds, retries }) => {
    const part = pools.length === 1 ? '' : ` gets ${Math.round(share * 10_000) / 100} %`
    const time = timeoutSeconds === 0 ? 'no timeout' : `timeout ${timeoutSeconds} s`
    return `The pool ${pool}${part}: ${backends.join(' ')}; ${time}, retries: ${retries}.`
  })
  return clientPool === null ? lines : [...lines, `All requests of this client go to ${clientPool}.`]
}

function readingLines({ readings, hasAllReadings }: Report): string[] {
  const lines = textTable(
    ['PATH', 'ROUTE', 'READ'],
    readings.map(({ path, route, steps }) => [path, route ?? '-', steps.join(', ') || 'as it is'])
  )
  if (readings.length === 0) return []
  return [...lines.split('\n'), ...(hasAllReadings ? [] : ['and more, which are too many to be looked at'])]
}

function requestLines({ backendRequest }: Report): string[] {
  if (!backendRequest) return []
  const { method, target, fields } = backendRequest
  return [`${method} ${target} HTTP/1.1`, ...fieldLines(fields)]
}

function answerLines({ answer }: Report): string[] {
  if (!answer) return []
  const { status, fields, body } = answer
  return [`${status}`, ...fieldLines(fields), ...(body === '' ? [] : ['', ...body.trimEnd().split('\n')])]
}

const fieldLines = (fields: readonly (readonly [name: string, value: string])[]) =>
  fields.map(([name, value]) => `${name}: ${value}`)

function saidLines({ requestHeaders, responseHeaders, mirror, limits, errorPages }: Report): string[] {
  const { maxBodyBytes, rateLimits, hasClientLists, isDenied } = limits
  return [
    ...changeLines('request', requestHeaders),
    ...changeLines('response', responseHeaders),
    ...(mirror ? [`mirror: ${mirror.percent} % to the pool ${mirror.pool}`] : []),
    ...(maxBodyBytes > 0 ? [`largest body: ${maxBodyBytes} bytes`] : []),
    ...rateLimits.map(({ perSecond, burst }) => `rate limit: ${perSecond}/s of a client, ${burst} at once`),
    ...(hasClientLists ? [`clients: this one is ${isDenied ? 'denied' : 'allowed'}`] : []),
    ...errorPages.map(({ from, to, ofBackends }) => {
      const statuses = from === to ? `${from}` : `${from}-${to}`
      return `error page: ${statuses}${ofBackends ? ', of backends too' : ''}`
    })
  ]
}

function changeLines(message: string, changes: FieldChanges | null): string[] {
  if (!changes) return []
  return [
    ...changes.remove.map((name) => `${message}: remove ${name}`),
    ...changes.set.map(([name, value]) => `${message}: set ${name}: ${value}`),
    ...changes.add.map(([name, value]) => `${message}: add ${name}: ${value}`)
  ]
}

const otherLines = ({ others }: Report) => others.map(({ route, reason }) => `${route}: ${reason}`)
