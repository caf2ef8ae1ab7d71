import { createHash } from 'node:crypto'

interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { name: string; in: string; description?: string; schema?: Schema }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>
}

/** The part of an OpenAPI document that the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
section { border-top: 1px solid #8886; padding: .5rem 0 }
h2 { font: 600 1rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
h2 b { display: inline-block; min-width: 4.5rem }
table { border-collapse: collapse; width: 100%; font-size: .875rem }
td { padding: .15rem .5rem .15rem 0; vertical-align: top; overflow-wrap: anywhere }
code { font-family: ui-monospace, monospace }
`

/** Content-Security-Policy of the page, which loads nothing and runs no script. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

/** An HTML page that shows the operations of an API. */
export function apiPage({ info, paths }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method.toUpperCase(), path, operation))
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title>
<style>${STYLE}</style>
<h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1>
<p>${escaped(info.description ?? '')}</p>
<p><a href="openapi.json">openapi.json</a></p>
${operations.join('\n')}
</html>
`
}

function section(method: string, path: string, operation: Operation): string {
  const { summary = '', description = '', security, parameters = [], requestBody, responses = {} } = operation
  const given = parameters.map(({ name, in: place, description, schema }) =>
    row(`${name} (${place})`, typeOf(schema), description ?? schema?.description ?? '')
  )
  const body = schemaOf(requestBody?.content)
  const answers = Object.entries(responses).map(([status, { description = '', content }]) => {
    const schema = schemaOf(content)
    return details(`${status} ${description}`, schema ? rows(schema) : [])
  })
  return `<section id="${escaped(operation.operationId ?? '')}">
<h2><b>${escaped(method)}</b> ${escaped(path)}</h2>
<p>${escaped(summary)}. ${escaped(description)}${security ? ' Needs the token.' : ''}</p>
${given.length > 0 ? details('Parameters', given) : ''}
${body ? details('Body', rows(body)) : ''}
${answers.join('\n')}
</section>`
}

const schemaOf = (content: Content | undefined) => content && Object.values(content)[0]?.schema

/** A table row for each value in a schema. */
function rows(schema: Schema, path = ''): string[] {
  const { properties, items, required = [] } = schema
  if (properties)
    return Object.entries(properties).flatMap(([name, inner]) => {
      const place = path === '' ? name : `${path}.${name}`
      const mark = path === '' && required.includes(name) ? ' *' : ''
      return [row(`${place}${mark}`, typeOf(inner), inner.description ?? ''), ...rows(inner, place)]
    })
  return items ? rows(items, `${path}[]`) : []
}

function typeOf(schema: Schema | undefined): string {
  if (!schema) return ''
  if (schema.enum) return schema.enum.join(' | ')
  const { minimum, maximum } = schema
  const range = maximum === undefined ? '' : ` ${minimum ?? ''}–${maximum}`
  return `${[schema.type ?? ''].flat().join(' | ')}${range}`
}

const row = (...cells: string[]) =>
  `<tr>${cells.map((cell, index) => `<td>${index < 2 ? `<code>${escaped(cell)}</code>` : escaped(cell)}</td>`).join('')}</tr>`

const details = (title: string, content: string[]) =>
  `<details><summary>${escaped(title)}</summary><table>${content.join('\n')}</table></details>`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
