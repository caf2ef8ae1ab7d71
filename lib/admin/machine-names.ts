import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

const HOSTS_FILE = '/etc/hosts'
const RESOLVER_FILE = '/etc/resolv.conf'

/**
 * The names of this machine, in small letters: what the system calls it, alone and in the domains in which its resolver
 * looks for names, and the names that stand beside that in the table of hosts. No query is sent for any.
 */
export function machineNames(
  name = hostname(),
  hosts = textOf(HOSTS_FILE),
  resolver = textOf(RESOLVER_FILE)
): string[] {
  const own = lower(name)
  const names = [own]
  for (const line of hosts.split('\n')) {
    const [, ...beside] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean).map(lower)
    if (beside.includes(own)) names.push(...beside)
  }
  for (const line of resolver.split('\n')) {
    const [word = '', ...domains] = line.trim().split(/\s+/)
    if (word === 'search' || word === 'domain')
      names.push(...domains.map((domain) => `${own}.${lower(domain)}`))
  }
  return [...new Set(names)]
}

const lower = (name: string) => name.toLowerCase().replace(/\.$/, '')

/** Empty where there is no such file, as on other systems. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
