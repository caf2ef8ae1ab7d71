import { dump } from 'js-yaml'
import { type Finding, lineOf } from './findings.js'
import type { PoolSettings } from './rules/pools.js'

/** A converted configuration, with the keys of the file of `LB_CONFIG`. */
export interface Configuration {
  readonly settings: Readonly<Record<string, unknown>>
  readonly pools: Readonly<Record<string, PoolSettings>>
  readonly routes: readonly Readonly<Record<string, unknown>>[]
}

/** What is above this depth has lines of its own: a route and a pool are a few lines each. */
const FLOW_LEVEL = 3

/** A configuration as YAML, with what there is to know of it at the top. */
export function asYaml(
  { settings, pools, routes }: Configuration,
  findings: readonly Finding[],
  source: string
): string {
  const head = [`Converted from ${source} by lb convert.`, ...findings.map(lineOf)]
  const content = { ...settings, ...(Object.keys(pools).length > 0 && { pools }), routes }
  const yaml = dump(content, { flowLevel: FLOW_LEVEL, lineWidth: -1, noRefs: true })
  return `${head.map((line) => `# ${oneLine(line)}\n`).join('')}\n${yaml}`
}

/** A comment must not end before its line does. */
const oneLine = (text: string) => text.replace(/[\r\n\u0085\u2028\u2029]+/g, ' ')
