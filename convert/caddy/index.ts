import type { Conversion, Request } from '../conversion.js'
import { Findings } from '../findings.js'
import { ANY } from '../rules/conditions.js'
import { byPrecedence } from '../rules/order.js'
import { Pools } from '../rules/pools.js'
import { restricted } from '../rules/program.js'
import type { Rule } from '../rules/rule.js'
import { bySite } from '../rules/sites.js'
import { rulesOfBlock } from './handlers.js'
import { parseCaddyfile } from './parse.js'
import { portsOf, settingsOf } from './settings.js'
import { addressesAt, addressesOf } from './sites.js'

/** Converts a Caddyfile. */
export function fromCaddy({ text, file, port: wanted, env }: Request): Conversion {
  const findings = new Findings()
  const { options, sites } = parseCaddyfile(text, file, env, findings)
  const ports = portsOf(options)
  const addresses = addressesAt(addressesOf(sites, ports, findings), wanted, findings)
  const pools = new Pools()
  const moved = new Map(
    options
      .filter(({ name }) => name === 'order')
      .map(({ args }) => [args[0] ?? '', [args[1] ?? '', args[2] ?? ''] as const])
  )
  const rules: Rule[][] = []
  for (const site of new Set(addresses.map((address) => address.site))) {
    const own = addresses.filter((address) => address.site === site)
    const { isTls } = own[0]!
    const hosts = own.some(({ host }) => host === '') ? [] : own.map(({ host }) => host)
    // What no handler answers is answered 200, without a body.
    const rest: Rule = { at: site.at, when: ANY, does: { respond: { status: 200 } } }
    const found = rulesOfBlock(site.directives, [rest], {
      findings,
      pools,
      isTls,
      named: new Map(),
      paths: new Map(),
      moved
    })
    rules.push(restricted(found, { ...ANY, hosts }) ?? [])
  }
  const settings = settingsOf(options, addresses, ports, findings)
  return { settings, pools, rules: byPrecedence(bySite(rules), findings), findings }
}
