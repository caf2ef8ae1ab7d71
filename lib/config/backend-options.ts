import { readFlag } from './values.js'

export const MAX_WEIGHT = 256
export const MAX_IN_FLIGHT = 1_000_000

/** What can be said of one backend in `LB_BACKENDS`, behind its address. */
export interface BackendOptions {
  /** Share of the load in proportion to the others' (1 to 256, default 1). */
  readonly weight: number
  /** Requests in flight at it at once; 0 for no limit. */
  readonly max: number
  /** Used only while none of the others can be. */
  readonly backup: boolean
}

/**
 * Reads the value of an option, `undefined` where none was given. A wrong one is told to `fault` by what it would
 * have to be.
 */
type Reader<T> = (value: string | undefined, fault: (wanted: string) => undefined) => T | undefined

interface Option<T> {
  /** As it is written, where that is not the name of the property. */
  readonly name?: string
  readonly fallback: T
  readonly read: Reader<T>
}

const OPTIONS: { readonly [K in keyof BackendOptions]: Option<BackendOptions[K]> } = {
  weight: { fallback: 1, read: wholeNumber(1, MAX_WEIGHT) },
  max: { fallback: 0, read: wholeNumber(1, MAX_IN_FLIGHT) },
  backup: { fallback: false, read: flag }
}

const KEY_OF = new Map(
  Object.entries(OPTIONS).map(([key, { name }]) => [name ?? key, key as keyof BackendOptions])
)
const KNOWN = [...KEY_OF.keys()].join(', ')

/** Reads `name=value` options, each given at most once. Calls `fault` once for everything that is wrong. */
export function parseOptions(options: readonly string[], fault: (message: string) => void): BackendOptions {
  const values: Record<string, unknown> = {}
  for (const [key, { fallback }] of Object.entries(OPTIONS)) values[key] = fallback
  const seen = new Set<string>()
  for (const option of options) {
    const [name = '', value] = option.split(/=(.*)/s)
    const key = KEY_OF.get(name)
    if (!key) {
      fault(`unknown option "${option}"; known: ${KNOWN}`)
    } else if (seen.has(name)) {
      fault(`${name} is given twice`)
    } else {
      seen.add(name)
      values[key] = OPTIONS[key].read(value, (wanted) => {
        fault(`${name} must be ${wanted}, but is "${value ?? ''}"`)
        return undefined
      })
    }
  }
  return values as unknown as BackendOptions
}

function wholeNumber(min: number, max: number): Reader<number> {
  return (value = '', fault) => {
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    return fault(`a whole number from ${min} to ${max}`)
  }
}

/** The name alone says yes. */
function flag(...[value, fault]: Parameters<Reader<boolean>>): boolean | undefined {
  return value === undefined || (readFlag(value) ?? fault('true or false'))
}
