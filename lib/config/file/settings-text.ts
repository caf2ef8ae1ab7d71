import { entryText, plainText } from '../../discovery/spec/entry-text.js'
import { schema, takesList, typeOf, type VariableName } from '../schema.js'

/** Separators of lists in variables, where they are not commas. */
const SEPARATORS: Partial<Record<VariableName, string>> = { LB_HEALTH_CHECK_HEADERS: '\n' }

type Fault = (message: string) => void

/** A setting as the text of its variable. Calls `fault` with what is to be said after its name. */
export function textOf(name: VariableName, value: unknown, fault: Fault): string | undefined {
  if (Array.isArray(value) && !takesList(typeOf(schema.entries[name] as never))) {
    fault('must be one value, but is a list')
    return undefined
  }
  const items = Array.isArray(value) ? value : [value]
  const separator = SEPARATORS[name] ?? ','
  const texts = items.map((item) =>
    name === 'LB_BACKENDS' ? entryText(item, fault) : plainText(item, fault)
  )
  return texts.includes(undefined) ? undefined : texts.join(separator)
}
