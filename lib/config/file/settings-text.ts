import { schema, takesList, typeOf, type VariableName } from '../schema.js'

/** Separators of lists in variables, where they are not commas. */
const SEPARATORS: Partial<Record<VariableName, string>> = { LB_HEALTH_CHECK_HEADERS: '\n' }
const WITHIN_BACKEND = /[\s,;]/

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
    name === 'LB_BACKENDS' ? backendText(item, fault) : plainText(item, fault)
  )
  return texts.includes(undefined) ? undefined : texts.join(separator)
}

function plainText(value: unknown, fault: Fault): string | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  fault('must be a text, a number, true or false, or a list of those')
  return undefined
}

/** A backend as in `LB_BACKENDS`, from a text or from an object with its address and options. */
function backendText(value: unknown, fault: Fault): string | undefined {
  if (typeof value !== 'object' || value === null) return plainText(value, fault)
  const { address, ...options } = value as Record<string, unknown>
  if (typeof address !== 'string') {
    fault('must have an address for each backend, such as 127.0.0.1:8080')
    return undefined
  }
  const parts = [address]
  for (const [option, given] of Object.entries(options)) {
    if (given === undefined) continue
    const text = plainText(given, (message) => fault(`"${address}": ${option} ${message}`))
    if (text === undefined) return undefined
    if (given !== false) parts.push(given === true ? option : `${option}=${text}`)
  }
  if (parts.some((part) => WITHIN_BACKEND.test(part))) {
    fault(`"${address}": neither an address nor an option may hold a space, a comma or a semicolon`)
    return undefined
  }
  return parts.join(';')
}
