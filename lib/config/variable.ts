import type { z } from 'zod'

/** What documentation and `lb --help` say of a variable. */
export interface VariableInfo {
  readonly description: string
  /** The default as one would write it. */
  readonly fallback: string
  readonly unit?: string
  /** Flags of `lb` in commander's notation. */
  readonly flags?: string
  /** Whether its value is nothing to be shown. */
  readonly isSecret?: boolean
}

/** Notes a fault if a variable is used and what it needs is not there. */
export type Needs = (name: string, isUsed: boolean, need: string, isMet: boolean) => void

/** A variable of the configuration. */
export function variable<T extends z.ZodType>(type: T, info: VariableInfo) {
  return type.prefault(info.fallback as z.input<T>).meta({ ...info })
}
