/** The moments of one experiment, by the clock of `nowMs`. What came before `baselineMs` was warm-up. */
export interface Moments {
  baselineMs: number
  faultMs: number
  /** From here on all backends are well again. */
  recoveryMs: number
  endMs: number
}

/** How long the phases last, in milliseconds. */
export interface Timing {
  warmUpMs: number
  baselineMs: number
  faultMs: number
  recoveryMs: number
  /** Recovery goes on up to this time while a backend gets less than its share. */
  recoveryAtMostMs: number
  /** The time that a proxy has to notice the fault; what happens later counts apart. */
  settleMs: number
}

/** The phases of an ordinary run. */
export const wholePhases: Timing = {
  warmUpMs: 4000,
  baselineMs: 2000,
  faultMs: 5000,
  recoveryMs: 3000,
  recoveryAtMostMs: 7000,
  settleMs: 1000
}

/** Short phases: they show that everything works, not how well. */
export const quickPhases: Timing = {
  warmUpMs: 1500,
  baselineMs: 600,
  faultMs: 900,
  recoveryMs: 600,
  recoveryAtMostMs: 1200,
  settleMs: 300
}
