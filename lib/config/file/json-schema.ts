import { OF_ALL_POOLS } from '../of-server.js'
import { routes } from '../routing/routes.js'
import { name } from '../routing/texts.js'
import { describeVariables, fileValueOf, schema, typeOf, type VariableName } from '../schema.js'
import type { JsonSchema } from '../shapes/shape.js'
import { keyOf } from '../variable.js'
import { settingNames } from './groups.js'

const ABOUT = 'Settings of Fairlead, the file that LB_CONFIG names.'
const POOLS = 'Pools of backends, by their names. What a pool does not say is as at the top of the file.'
const ROUTES = 'Which requests go to which pool, and what is changed on the way.'

/** A JSON Schema (draft 7) of the file, made of what reads it. */
export function configFileSchema(): JsonSchema {
  const variables = describeVariables().map((variable) => variable.name)
  const ofPools = variables.filter((variable) => !(OF_ALL_POOLS as readonly string[]).includes(variable))
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Fairlead',
    description: ABOUT,
    type: 'object',
    minProperties: 1,
    properties: {
      ...settings(variables.filter((variable) => variable !== 'LB_CONFIG')),
      pools: {
        description: POOLS,
        type: 'object',
        minProperties: 1,
        propertyNames: name.json,
        additionalProperties: { $ref: '#/definitions/pool' }
      },
      routes: { description: ROUTES, ...routes.json }
    },
    patternProperties: { '^x-': {} },
    additionalProperties: false,
    // Several pools need routes.
    if: { properties: { pools: { minProperties: 2 } }, required: ['pools'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['routes'] },
    definitions: {
      pool: {
        type: 'object',
        properties: settings(ofPools),
        required: [keyOf('LB_BACKENDS')],
        additionalProperties: false
      }
    }
  }
}

/** The keys of some settings, with those of their groups and switches. */
function settings(variables: readonly VariableName[]): Record<string, JsonSchema> {
  const { groups, switches } = settingNames()
  const plain = new Map(variables.map((variable) => [keyOf(variable), settingOf(variable)]))
  const properties: Record<string, JsonSchema> = Object.fromEntries(plain)
  for (const group of [...groups, ...switches.keys()]) {
    const members = [...plain].flatMap(([key, json]) =>
      key.startsWith(`${group}-`) ? [[key.slice(group.length + 1), json] as const] : []
    )
    const toggle = switches.get(group)
    const forms: JsonSchema[] = [
      ...(plain.has(group) ? [plain.get(group)!] : []),
      ...(toggle && variables.includes(toggle.name) ? [{ type: 'boolean' }] : []),
      ...(groups.has(group) && members.length > 0 ? [groupOf(members)] : [])
    ]
    if (forms.length > 0) properties[group] = forms.length === 1 ? forms[0]! : { anyOf: forms }
  }
  return properties
}

const groupOf = (members: readonly (readonly [string, JsonSchema])[]): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(members),
  additionalProperties: false
})

function settingOf(variable: VariableName): JsonSchema {
  const { description } = describeVariables().find((each) => each.name === variable)!.info
  const words = description.replace(/`LB_\w+/g, (found) => `\`${keyOf(found.slice(1))}`)
  return { description: words, ...fileValueOf(typeOf(schema.entries[variable] as never)) }
}
