/** How a backend answers. Can be changed while it runs. */
export interface Behaviour {
  /** Name that the default body begins with. */
  readonly content: string
  /** Wait before an answer. */
  readonly latencyMs: number
  /** Upper end of a uniformly distributed wait on top of the latency. */
  readonly jitterMs: number
  readonly status: number
  /** Share of requests answered 500, from 0 to 1. */
  readonly failRate: number
  /** Share of requests whose connection is reset in place of an answer, from 0 to 1. */
  readonly resetRate: number
  /** Length of a generated body; undefined for the default one. */
  readonly sizeBytes: number | undefined
  readonly healthStatus: number
  readonly healthLatencyMs: number
  /** Answers without content-length. */
  readonly chunked: boolean
  /** Answers with the body of the request. */
  readonly echo: boolean
}

export const DEFAULT_BEHAVIOUR: Behaviour = Object.freeze({
  content: 'Backend',
  latencyMs: 0,
  jitterMs: 0,
  status: 200,
  failRate: 0,
  resetRate: 0,
  sizeBytes: undefined,
  healthStatus: 200,
  healthLatencyMs: 0,
  chunked: false,
  echo: false
})

/** One or more settings are invalid: a fault for each. */
export class SettingError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'SettingError'
  }
}

// The longest wait that a Node timer can hold.
const MAX_WAIT_MS = 2_147_483_647
const MAX_SIZE_BYTES = 1024 ** 3
const SIZE_UNITS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new SettingError(['must be a text'])
}

function numberIn(min: number, max: number, whole: boolean, wanted: string) {
  return (value: unknown): number => {
    const isText = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)
    const number = isText || typeof value === 'number' ? Number(value) : Number.NaN
    if (number >= min && number <= max && (!whole || Number.isInteger(number))) return number
    throw new SettingError([`must be ${wanted}`])
  }
}

const milliseconds = numberIn(0, MAX_WAIT_MS, false, 'a number of milliseconds, 0 or more')
const share = numberIn(0, 1, false, 'a share from 0 to 1')
const status = numberIn(200, 599, true, 'a status code from 200 to 599')

function size(value: unknown): number {
  const [, digits, unit] = /^(\d+)([kmg]?)b?$/i.exec(String(value)) ?? []
  const bytes = Number(digits) * SIZE_UNITS[(unit ?? '').toLowerCase()]!
  if (bytes <= MAX_SIZE_BYTES) return bytes
  throw new SettingError(['must be a number of bytes such as 100, 1k, 100k or 10m, at most 1g'])
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new SettingError(['must be true or false'])
}

/** The name of each setting on the command line and over HTTP, and how its value is parsed. */
const SETTINGS = {
  content: (value: unknown) => ({ content: text(value) }),
  latency: (value: unknown) => ({ latencyMs: milliseconds(value) }),
  jitter: (value: unknown) => ({ jitterMs: milliseconds(value) }),
  status: (value: unknown) => ({ status: status(value) }),
  failRate: (value: unknown) => ({ failRate: share(value) }),
  resetRate: (value: unknown) => ({ resetRate: share(value) }),
  size: (value: unknown) => ({ sizeBytes: value === null ? undefined : size(value) }),
  healthStatus: (value: unknown) => ({ healthStatus: status(value) }),
  healthLatency: (value: unknown) => ({ healthLatencyMs: milliseconds(value) }),
  chunked: (value: unknown) => ({ chunked: flag(value) }),
  echo: (value: unknown) => ({ echo: flag(value) })
} satisfies Record<string, (value: unknown) => Partial<Behaviour>>

export type SettingName = keyof typeof SETTINGS

/** Parses one setting. The error does not name it, as the caller knows the name that the user knows. */
export function readSetting(name: SettingName, value: unknown): Partial<Behaviour> {
  return SETTINGS[name](value)
}

/**
 * Reads settings by name, all or none.
 * @throws {SettingError} with every name that is unknown and every value that is wrong
 */
export function readSettings(input: unknown): Partial<Behaviour> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new SettingError(['a JSON object is wanted, such as {"latency":500}'])
  }
  const faults: string[] = []
  let changes: Partial<Behaviour> = {}
  for (const [name, value] of Object.entries(input)) {
    if (!Object.hasOwn(SETTINGS, name)) {
      faults.push(`${name} is not a setting, these are: ${Object.keys(SETTINGS).join(', ')}`)
      continue
    }
    try {
      changes = { ...changes, ...readSetting(name as SettingName, value) }
    } catch (error) {
      faults.push(`${name} ${(error as Error).message}, but is ${JSON.stringify(value)}`)
    }
  }
  if (faults.length > 0) throw new SettingError(faults)
  return changes
}
