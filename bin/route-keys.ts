import { configFileSchema } from '../lib/config/file/json-schema.js'
import { table } from './markdown-table.js'

/** `<!-- keys of redirect -->`, what is between, and the end. */
const PART = /(<!-- keys of ([\w-]+) -->\n)[\s\S]*?(<!-- end of keys -->)/g

interface Shape {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
}

/** A page with its tables of keys as the schema of the file has them: those of a route, a pool, or of a key of a route. */
export function withKeyTables(page: string): string {
  return page.replace(
    PART,
    (_, begin: string, of: string, end: string) => `${begin}\n${tableOf(of)}\n\n${end}`
  )
}

function tableOf(of: string): string {
  const { properties, definitions } = configFileSchema() as {
    properties: { routes: Shape }
    definitions: { pool: Shape }
  }
  if (of === 'pool') return listOf(definitions.pool)
  const route = properties.routes.items!
  const shape = of === 'route' ? route : route.properties![of]!
  return keysOf(shape.items ?? shape)
}

function keysOf({ properties = {} }: Shape): string {
  return table([
    ['key', 'meaning'],
    ...Object.entries(properties).map(([key, { description }]) => [`\`${key}\``, description!])
  ])
}

/** The keys of single settings, without those of their groups and switches. */
function listOf({ properties = {} }: Shape): string {
  const keys = Object.keys(properties).filter((key) => properties[key]!.description !== undefined)
  return `${keys.map((key) => `\`${key}\``).join(', ')}.`
}
