import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

const HOSTS_FILE = '/etc/hosts'
const RESOLVER_FILE = '/etc/resolv.conf'

/**
 * The host names of this machine, in lower case: its host name, the same in the search domains of `/etc/resolv.conf`, and
 * its aliases in `/etc/hosts`. No DNS query is sent.
 */
export function machineNames(
  name = hostname(),
  hosts = textOf(HOSTS_FILE),
  resolver = textOf(RESOLVER_FILE)
): string[] {
  const hostName = lower(name)
  const names = [hostName]
  for (const line of hosts.split('\n')) {
    const [, ...aliases] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean).map(lower)
    if (aliases.includes(hostName)) names.push(...aliases)
  }
  for (const line of resolver.split('\n')) {
    const [word = '', ...domains] = line.trim().split(/\s+/)
    if (word === 'search' || word === 'domain')
      names.push(...domains.map((domain) => `${hostName}.${lower(domain)}`))
  }
  return [...new Set(names)]
}

const lower = (name: string) => name.toLowerCase().replace(/\.$/, '')

/** Empty where the file does not exist, as on other systems. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
