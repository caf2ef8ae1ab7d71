import { withoutDots } from './dot-segments.js'
import { respelled, spellings } from './percent.js'

/**
 * What gives a path several readings, once its encoding is normal: separators and dot segments in any spelling, and
 * encoded characters that may stand in a path unencoded as well, where they make it another path.
 */
const AMBIGUOUS = /[\\;]|\/\/|\/\.\.?(?:\/|$)|%(?:2[1456789A-F]|3[ABD]|40|5C)/
/** What may stand in a path unencoded (RFC 3986 section 3.3), and the backslash. */
const PATH_CHARACTER = /[\w\-.~!$&'()*+,;=:@/\\]/
const DECODED = spellings((char) => (PATH_CHARACTER.test(char) ? char : undefined))
const DECODED_BUT_FOR_SLASHES = DECODED.map((char) => (char === '/' ? undefined : char))
/** The `%` of what is encoded twice. */
const ENCODED_TWICE = /%25(?=[\dA-F]{2})/gi
const DOTS_AT_END = /\/\.\.?$/

/** A path with more readings than this is refused. */
const MAX_READINGS = 128
/** Characters that the steps to all readings of a path may go through. It bounds the time that a long path takes. */
const MAX_WORK = 64 * 1024

/** One of the ways to read a path. */
export interface Reading {
  readonly path: string
  /** What was done to it last, and to which reading; undefined for the path itself. */
  readonly step: string | undefined
  readonly from: Reading | undefined
}

/**
 * What servers do to a path before they look at it: docs/security.md names one for each. Where there is nothing to do,
 * a step returns the path as it is. What may not stand in a path stays encoded, so that a path that is decoded is one
 * that a route may have.
 */
const STEPS: Readonly<Record<string, (path: string) => string>> = {
  'dot segments removed': withoutDots,
  'dot segments removed, and the slash after them': (path) =>
    DOTS_AT_END.test(path) ? withoutDots(path).slice(0, -1) || '/' : path,
  decoded: (path) => respelled(path, DECODED),
  'decoded but for slashes': (path) => respelled(path, DECODED_BUT_FOR_SLASHES),
  'encoded encodings decoded': (path) => (path.includes('%25') ? path.replace(ENCODED_TWICE, '%') : path),
  'slashes merged': (path) => (path.includes('//') ? path.replace(/\/{2,}/g, '/') : path),
  'first slashes merged': (path) => (path.startsWith('//') ? path.replace(/^\/+/, '/') : path),
  'authority cut': (path) => (path.startsWith('//') ? path.replace(/^\/{2,}[^/]*/, '') || '/' : path),
  'parameters cut': (path) => (path.includes(';') ? path.replace(/;[^/]*/g, '') : path),
  'all from a semicolon cut': (path) => (path.includes(';') ? path.slice(0, path.indexOf(';')) : path),
  'backslashes taken for slashes': (path) => (path.includes('\\') ? path.replaceAll('\\', '/') : path)
}
const NAMED_STEPS = Object.entries(STEPS)
/** The names of the steps, as docs/security.md lists them. */
export const STEP_NAMES = Object.keys(STEPS)
/** Some decode twice, nobody does it three times. */
const ONCE = 'encoded encodings decoded'

/** Whether some server may read a path otherwise than others. @param path with its encoding in normal form */
export function isAmbiguous(path: string): boolean {
  return AMBIGUOUS.test(path)
}

/**
 * Goes through the readings of a path: what all {@link STEPS} make of it, in every order, beginning with the path itself.
 * @param path with its encoding in normal form
 * @param accept whether to go on after a reading
 * @returns whether all were accepted; false as well if there are too many
 */
export function everyReading(path: string, accept: (reading: Reading) => boolean): boolean {
  const readings: Reading[] = [{ path, step: undefined, from: undefined }]
  const seen = new Set([path])
  let work = 0
  // The list grows on the way.
  for (const reading of readings) {
    if (!accept(reading)) return false
    for (const [step, take] of NAMED_STEPS) {
      if (step === ONCE && hasTaken(reading, step)) continue
      const next = take(reading.path)
      if (next === reading.path) continue
      work += reading.path.length
      if (work > MAX_WORK) return false
      if (seen.has(next)) continue
      if (seen.size === MAX_READINGS) return false
      seen.add(next)
      readings.push({ path: next, step, from: reading })
    }
  }
  return true
}

function hasTaken(reading: Reading | undefined, step: string): boolean {
  for (let at = reading; at; at = at.from) if (at.step === step) return true
  return false
}
