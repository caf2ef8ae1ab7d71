import { readFileSync } from 'node:fs'
import path from 'node:path'
import Ajv from 'ajv'
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import { ROOT } from './processes.js'

/** The JSON Schema of the file of settings. */
export const SCHEMA_FILE = path.join(ROOT, 'config.schema.json')

// A part that stands in a condition says nothing of the type that its other parts have.
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strictTypes: false, strictRequired: false })
const isRight = ajv.compile(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')))

/** What editors say of a file, by its schema. */
export function complaints(text: string): string[] {
  const content = load(text, { schema: CORE_SCHEMA.withTags(mergeTag) })
  return isRight(content) ? [] : (isRight.errors ?? []).map((each) => `${each.instancePath} ${each.message}`)
}
