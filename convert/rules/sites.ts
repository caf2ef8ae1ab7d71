import type { Rule } from './rule.js'

/** The rules of sites, those with exact hosts first, then those with the longest suffix, then those for all hosts. */
export function bySite(sites: readonly (readonly Rule[])[]): Rule[] {
  return sites
    .map((rules, site) => rules.map((rule) => ({ ...rule, site })))
    .sort((a, b) => weightOf(b) - weightOf(a))
    .flat()
}

function weightOf(rules: readonly Rule[]): number {
  const hosts = rules.at(-1)?.when.hosts ?? []
  if (hosts.length === 0) return 0
  return Math.max(...hosts.map((host) => (host.startsWith('*.') ? host.length : Number.MAX_SAFE_INTEGER)))
}
