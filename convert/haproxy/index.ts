import path from 'node:path'
import type { Conversion, Request } from '../conversion.js'
import { ConvertError, Findings } from '../findings.js'
import { ANY } from '../rules/conditions.js'
import { byPrecedence } from '../rules/order.js'
import { type PoolSettings, Pools } from '../rules/pools.js'
import { whereverSayable } from '../rules/program.js'
import type { Rule } from '../rules/rule.js'
import { Acls, isUnclear } from './acl.js'
import { type Bind, bindSettings, bindsOf } from './bind.js'
import { withErrorFiles } from './error-files.js'
import { whyLeftOut, whySectionLeftOut } from './known.js'
import { type Line, parseHaproxy, type Section } from './parse.js'
import { lastOf, poolOf } from './pool.js'
import { settingsOf } from './settings.js'
import { type Frame, withStatements } from './statements.js'

/** Converts a `haproxy.cfg`. */
export function fromHaproxy({ text, file, port: wanted, env }: Request): Conversion {
  const findings = new Findings()
  const sections = parseHaproxy(text, file, env)
  const http = sections.filter((section) => reported(section, findings))
  const converter = new Converter(http, sections, path.dirname(path.resolve(file)), findings)
  return converter.convert(wanted)
}

/** Names the lines of a section that mean nothing here; false if it is none that can be converted. */
function reported(section: Section, findings: Findings): boolean {
  const { kind, name, at, lines, defaults } = section
  const why = whySectionLeftOut(kind)
  const settings = { own: lines, defaults }
  const isTcp = /^(?:frontend|backend|listen)$/.test(kind) && lastOf(settings, 'mode')?.args[0] !== 'http'
  if (why !== undefined) findings.leftOut(at, `${kind} ${name}`.trim(), why)
  else if (isTcp) findings.leftOut(at, `${kind} ${name}`, 'its mode is tcp: it balances HTTP only')
  if (why !== undefined || isTcp) return false
  if (kind !== 'resolvers')
    for (const line of lines) {
      const reason = whyLeftOut(line.name, line.args)
      if (reason !== undefined) findings.leftOut(line.at, line.text, reason)
    }
  return !lines.some((line) => line.name === 'disabled')
}

interface Choice {
  readonly frontend: Section
  readonly binds: readonly Bind[]
}

class Converter {
  readonly #pools = new Pools()
  readonly #sections: readonly Section[]
  readonly #all: readonly Section[]
  readonly #folder: string
  readonly #findings: Findings

  constructor(sections: readonly Section[], all: readonly Section[], folder: string, findings: Findings) {
    this.#sections = sections
    this.#all = all
    this.#folder = folder
    this.#findings = findings
  }

  convert(wanted: number | undefined): Conversion {
    const findings = this.#findings
    const { frontend, binds } = this.#choose(wanted)
    const rules = this.#rulesOf(frontend, binds[0]!)
    const redirectPort = this.#redirectPort(binds)
    for (const section of this.#sections)
      for (const bind of bindsOf(section, new Findings()))
        if (
          !binds.some(({ line, port }) => line === bind.line && port === bind.port) &&
          bind.port !== redirectPort
        )
          findings.leftOut(
            bind.line.at,
            `${section.kind} ${section.name}: ${bind.line.text}`,
            bind.port === binds[0]!.port
              ? 'a balancer has one frontend'
              : `a balancer has one port: convert again with --port ${bind.port} for another one`
          )
    const settings = {
      ...bindSettings(binds, findings),
      ...(redirectPort !== undefined && { 'https-redirect-port': redirectPort }),
      ...settingsOf({ own: frontend.lines, defaults: frontend.defaults }, this.#all, findings)
    }
    return { settings, pools: this.#pools, rules: byPrecedence(rules, findings), findings }
  }

  /** The frontend and port that lead to most pools, or the wanted one. */
  #choose(wanted: number | undefined): Choice {
    const choices = this.#sections
      .filter(({ kind }) => kind === 'frontend' || kind === 'listen')
      .flatMap((frontend) => {
        const binds = bindsOf(frontend, this.#findings)
        const ports = [...new Set(binds.map(({ port }) => port))]
        return ports.map((port) => ({ frontend, binds: binds.filter((bind) => bind.port === port) }))
      })
      .filter(({ binds }) => wanted === undefined || binds[0]!.port === wanted)
    // With as many, the one with TLS: nobody is to lose it.
    const weightOf = ({ frontend, binds }: Choice) =>
      this.#dry(frontend, binds[0]!).filter(({ does }) => does.pool).length + (binds[0]!.isTls ? 0.5 : 0)
    const [best] = choices.sort((a, b) => weightOf(b) - weightOf(a))
    if (!best)
      throw new ConvertError(
        wanted
          ? `no frontend of HTTP listens on port ${wanted}`
          : 'there is no frontend of HTTP with a port in it'
      )
    return best
  }

  /** A port without TLS that does nothing but redirect to `https`. */
  #redirectPort(chosen: readonly Bind[]): number | undefined {
    if (!chosen[0]!.isTls) return undefined
    for (const section of this.#sections)
      for (const bind of bindsOf(section, new Findings())) {
        if (bind.isTls || bind.port === chosen[0]!.port) continue
        const rules = byPrecedence(this.#dry(section, bind), new Findings())
        if (
          rules.length > 0 &&
          rules.every(({ does }) => does.redirect?.scheme === 'https' && !does.redirect.host)
        )
          return bind.port
      }
    return undefined
  }

  /** Rules of a frontend, of which nothing is kept or reported. */
  #dry(frontend: Section, bind: Bind): Rule[] {
    const findings = new Findings()
    return new Converter(this.#sections, this.#all, this.#folder, findings).#rulesOf(frontend, bind)
  }

  #frame(section: Section, { isTls, port }: Bind): Frame {
    const lines = [...section.defaults, ...section.lines]
    return {
      acls: new Acls(lines, { isTls, port }, this.#folder, this.#findings),
      isTls,
      findings: this.#findings
    }
  }

  #rulesOf(frontend: Section, bind: Bind): Rule[] {
    const settings = { own: frontend.lines, defaults: frontend.defaults }
    const frame = this.#frame(frontend, bind)
    const byDefault = lastOf(settings, 'default_backend')
    let rules: Rule[] =
      frontend.kind === 'listen' && frontend.lines.some(({ name }) => /^server/.test(name))
        ? this.#rulesOfPool(frontend)
        : byDefault
          ? this.#rulesOfBackend(byDefault, bind)
          : [{ at: frontend.at, when: ANY, does: { respond: { status: 503 } } }]
    for (const line of frontend.lines.filter(({ name }) => name === 'use_backend').reverse()) {
      const when = frame.acls.when(line.args.slice(1), line.at)
      if (isUnclear(when)) this.#findings.leftOut(line.at, line.text, when.why)
      if (isUnclear(when) || when.length === 0) continue
      rules = whereverSayable(when, this.#rulesOfBackend(line, bind), rules, (why) =>
        this.#findings.leftOut(line.at, line.text, why)
      )
    }
    const pages = [...frontend.lines, ...frontend.defaults]
    return withErrorFiles(withStatements(frontend.lines, rules, frame), pages, this.#folder, this.#findings)
  }

  /** Rules of the backend that a line names. */
  #rulesOfBackend(line: Line, bind: Bind): Rule[] {
    const name = line.args[0] ?? ''
    const backend = this.#sections.find(
      ({ kind, name: other }) => /^(?:backend|listen)$/.test(kind) && other === name
    )
    if (!backend) {
      const why = name.includes('%[')
        ? 'the name of a backend is a fixed text'
        : `there is no backend "${name}" of HTTP`
      this.#findings.leftOut(line.at, line.text, why)
      return [{ at: line.at, when: ANY, does: { respond: { status: 503 } } }]
    }
    const rules = withStatements(backend.lines, this.#rulesOfPool(backend), this.#frame(backend, bind))
    return withErrorFiles(rules, backend.lines, this.#folder, this.#findings)
  }

  #rulesOfPool(section: Section): Rule[] {
    const settings = this.#withOwnCookie(
      section,
      poolOf({ own: section.lines, defaults: section.defaults }, this.#findings)
    )
    const does = settings ? { pool: this.#pools.add(section.name, settings) } : { respond: { status: 503 } }
    return [{ at: section.at, when: ANY, does }]
  }

  /** Two pools of the same hosts would end the sessions of each other by one cookie. */
  #withOwnCookie(section: Section, settings: PoolSettings | undefined): PoolSettings | undefined {
    const line = lastOf({ own: section.lines, defaults: section.defaults }, 'cookie')
    const sticky = settings?.sticky as { cookie: string } | undefined
    if (!settings || !line || !sticky) return settings
    const first = this.#sections.find(
      (one) =>
        lastOf({ own: one.lines, defaults: one.defaults }, 'cookie')?.args[0] === sticky.cookie &&
        /^(?:backend|listen)$/.test(one.kind)
    )
    if (first === section) return settings
    const cookie = `${sticky.cookie}-${section.name}`
    this.#findings.differs(line.at, line.text, `its name is ${cookie}, as each pool has its own`)
    return { ...settings, sticky: { ...sticky, cookie } }
  }
}
