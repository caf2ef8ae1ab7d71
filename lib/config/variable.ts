import type { z } from 'zod'

/** What the documentation and `lb --help` say about a variable. */
export interface VariableInfo {
  readonly description: string
  /** The default, as it would be written in the environment. */
  readonly fallback: string
  readonly unit?: string
  /** Flags of `lb`, in commander's notation. */
  readonly flags?: string
  /** Whether its value must not be shown. */
  readonly isSecret?: boolean
}

/** Reports a fault if a variable is used without what it needs. */
export type Needs = (name: string, isUsed: boolean, need: string, isMet: boolean) => void

/** Declares a variable of the configuration. */
export function variable<T extends z.ZodType>(type: T, info: VariableInfo) {
  return type.prefault(info.fallback as z.input<T>).meta({ ...info })
}
