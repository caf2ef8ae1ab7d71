import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './processes.js'

export const ALERTS = path.join(ROOT, 'deploy/prometheus-alerts.yml')

export interface Panel {
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}

export interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[]
  }
  readonly panels: readonly Panel[]
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(path.join(ROOT, 'deploy/grafana-dashboard.json'), 'utf8'))
}

/** What the panels ask Prometheus, with values in place of Grafana's variables. */
export function panelQueries({ panels }: Dashboard): string[] {
  return panels
    .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll('$job', 'fairlead').replaceAll('$instance', '.*'))
    .map((expr) => expr.replaceAll('$__rate_interval', '10s'))
}

/** The expressions of the alerts, in one text. */
export function alertExpressions(): string {
  const lines = readFileSync(ALERTS, 'utf8').split('\n')
  const isOfExpression = (line: string, i: number): boolean =>
    /^ {8}expr:/.test(line) || (/^ {10}/.test(line) && isOfExpression(lines[i - 1]!, i - 1))
  return lines.filter(isOfExpression).join('\n')
}

/** Every name of a metric in a text. */
export function metricNames(text: string): string[] {
  return [...new Set(text.match(/\b(?:fairlead|nodejs|process)_[a-z0-9_]*[a-z0-9]\b/g) ?? [])]
}
