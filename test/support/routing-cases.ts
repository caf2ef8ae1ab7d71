import t from 'tap'
import { explain } from '../../lib/routing/explain.js'
import { RouteTable } from '../../lib/routing/route-table.js'
import type { RoutedRequest } from '../../lib/routing/routed-request.js'
import { type Conditions, request, route, routed } from './route-table.js'

/** A request, as in `GET host/path`, and more of it. */
export type Line = string | readonly [line: string, more: Partial<RoutedRequest>]

export const NONE = 'no-route'
export const AMBIGUOUS = 'ambiguous-path'

/**
 * Routes by their names, in their order, and for each name the requests that are for it. The explanation of a request,
 * which looks at all routes, has to say the same.
 */
export function routes(
  name: string,
  conditions: Readonly<Record<string, Conditions>>,
  cases: Readonly<Record<string, readonly Line[]>>
): void {
  t.test(name, async (t) => {
    const table = new RouteTable(Object.entries(conditions).map(([name, match]) => route(name, match)))
    for (const [expected, lines] of Object.entries(cases))
      for (const one of lines) {
        const [line, more] = typeof one === 'string' ? [one, {}] : one
        t.equal(routed(table, line, more), expected, JSON.stringify(one))
        const first = explain(table, request(line, more)).verdicts.find(({ reason }) => !reason)
        if (expected !== AMBIGUOUS) t.equal(first?.route.name ?? NONE, expected, 'explained')
      }
  })
}

export const headers = (fields: RoutedRequest['headers']) => ({ headers: fields })
