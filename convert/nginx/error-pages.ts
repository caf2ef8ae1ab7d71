import { statSync } from 'node:fs'
import path from 'node:path'
import { type Directive, textOf } from '../directive.js'
import type { RouteSettings } from '../rules/rule.js'
import type { Context } from './context.js'
import type { Scope } from './scope.js'

/** Pages in place of errors, as far as they are files that are there. */
export function errorPages(scope: Scope, locations: readonly Located[], context: Context): RouteSettings {
  const pages = scope.all('error_page').flatMap((directive) => pageOf(directive, scope, locations, context))
  return pages.length > 0 ? { errors: pages } : {}
}

/** A location, by its path. */
export interface Located {
  readonly text: string
  readonly scope: Scope
}

function pageOf(
  directive: Directive,
  scope: Scope,
  locations: readonly Located[],
  { findings, folder }: Context
): { status: string; 'html-file': string; 'of-backends'?: true }[] {
  const uri = directive.args.at(-1) ?? ''
  const codes = directive.args.slice(0, -1)
  const statuses = codes.filter((code) => /^[45]\d\d$/.test(code))
  const place = locations.find(({ text }) => text === uri)?.scope ?? scope
  const root = place.value('root')
  const file = root && uri.startsWith('/') ? path.resolve(folder, root, `.${uri}`) : undefined
  if (statuses.length < codes.length || file === undefined || !isFile(file)) {
    findings.leftOut(
      directive.at,
      textOf(directive),
      `a page is a file that is there${file ? `, and ${file} is not` : ''}`
    )
    return []
  }
  const isOfBackends = scope.value('proxy_intercept_errors') === 'on'
  return [{ status: statuses.join(','), 'html-file': file, ...(isOfBackends && { 'of-backends': true }) }]
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}
