import { isDnsName, withoutFinalDot } from '../dns-name.js'
import type { ResolverConfig } from './resolv-conf.js'

/**
 * The complete names that one may stand for, in the order in which they are looked up, as resolv.conf(5) has it. One that ends
 * with a dot is complete.
 */
export function candidatesOf(name: string, { search, ndots }: ResolverConfig): string[] {
  const itself = withoutFinalDot(name)
  if (itself !== name) return [itself]
  const isFirst = name.split('.').length > ndots
  const inDomains = search.map((domain) => `${name}.${domain.replace(/^\.|\.$/g, '')}`.replace(/\.$/, ''))
  const all = isFirst ? [name, ...inDomains] : [...inDomains, name]
  return [...new Set(all)].filter(isDnsName)
}
