const WITHIN_ENTRY = /[\s,;]/

type Fault = (message: string) => void

/** A value of a file as a text. Calls `fault` if it is a list or a map. */
export function plainText(value: unknown, fault: Fault): string | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  fault('must be a text, a number, true or false, or a list of those')
  return undefined
}

/** An entry as in `LB_BACKENDS`, from a text or from an object with its address and options. Calls `fault` for each error. */
export function entryText(value: unknown, fault: Fault): string | undefined {
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
  if (parts.some((part) => WITHIN_ENTRY.test(part))) {
    fault(`"${address}": neither an address nor an option may hold a space, a comma or a semicolon`)
    return undefined
  }
  return parts.join(';')
}
