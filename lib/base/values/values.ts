import { BlockList, isIP } from 'node:net'
import * as v from 'valibot'

const TRUE_WORDS = new Set(['true', '1', 'yes', 'on'])
const FALSE_WORDS = new Set(['false', '0', 'no', 'off'])
const FLAG_IN_FILE = { enum: [true, false, 0, 1, ...TRUE_WORDS, ...FALSE_WORDS] }

/** A range of status codes, both ends included. */
export interface StatusRange {
  readonly from: number
  readonly to: number
}

/** Whether a status code is in one of the ranges. */
export function isInRanges(ranges: readonly StatusRange[], statusCode: number): boolean {
  for (const { from, to } of ranges) if (statusCode >= from && statusCode <= to) return true
  return false
}

/** What a value may be in a file, for editors: a part of a JSON Schema. */
type FileValue = Readonly<Record<string, unknown>>

const TEXT_OR_NUMBER = { type: ['string', 'number'] }
/** A text, or a list of texts. */
export const LIST_IN_FILE: FileValue = { anyOf: [TEXT_OR_NUMBER, { type: 'array', items: TEXT_OR_NUMBER }] }
const DIGITS = '^-?[0-9]+$'
const DECIMAL_DIGITS = '^[0-9]+([.][0-9]+)?$'

/**
 * A schema of a text that is parsed into a value. Each fault says what would be valid.
 * @param json what the value may be in a file
 */
export function parsed<T>(
  parse: (text: string, fault: (message: string) => void) => T | undefined,
  json: FileValue = TEXT_OR_NUMBER
) {
  return v.pipe(
    v.string(),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      let faulty = false
      const value = parse(dataset.value.trim(), (message) => {
        faulty = true
        addIssue({ message })
      })
      return faulty || value === undefined ? NEVER : value
    }),
    v.metadata({ json })
  )
}

const WHOLE = /^-?\d+$/
const DECIMAL = /^-?\d+(\.\d+)?$/

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number) {
  const json = { type: ['integer', 'string'], minimum: min, maximum: max, pattern: DIGITS }
  return parsed<number>((text, fault) => {
    const value = Number(text)
    if (WHOLE.test(text) && value >= min && value <= max) return value
    fault(`must be a whole number from ${min} to ${max}, but is "${text}"`)
    return undefined
  }, json)
}

/** Seconds in the text, milliseconds in the value. */
export function seconds(min: number, max: number) {
  return parsed<number>(
    (text, fault) => {
      const valueMs = readSeconds(text, min, max)
      if (valueMs === undefined) fault(`must be a number of seconds from ${min} to ${max}, but is "${text}"`)
      return valueMs
    },
    secondsInFile(min, max)
  )
}

/** 0, or a number of seconds from `min` to `max`; milliseconds in the value. */
export function secondsOrZero(min: number, max: number) {
  return parsed<number>(
    (text, fault) => {
      const valueMs = readSeconds(text, 0, 0) ?? readSeconds(text, min, max)
      if (valueMs === undefined)
        fault(`must be 0 or a number of seconds from ${min} to ${max}, but is "${text}"`)
      return valueMs
    },
    secondsInFile(0, max)
  )
}

const secondsInFile = (minimum: number, maximum: number): FileValue => ({
  type: ['number', 'string'],
  minimum,
  maximum,
  pattern: DECIMAL_DIGITS
})

/** Seconds, with fractions, as whole milliseconds; 0 only if 0 was written. Undefined for any other text. */
export function readSeconds(text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  if (!DECIMAL.test(text) || value < min || value > max) return undefined
  return value > 0 ? Math.max(1, Math.round(value * 1000)) : 0
}

/** `true`, `1`, `yes`, `on` or their opposites, in any case. */
export function flag() {
  return parsed<boolean>((text, fault) => {
    const value = readFlag(text)
    if (value === undefined) fault(`must be true or false, but is "${text}"`)
    return value
  }, FLAG_IN_FILE)
}

/** The value of a flag; undefined for any other text. */
export function readFlag(text: string): boolean | undefined {
  const word = text.toLowerCase()
  return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : undefined
}

/** Any text. */
export function text() {
  return parsed<string>((text) => text)
}

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]) {
  return parsed<Word>(
    (text, fault) => {
      const word = words.find((each) => each === text)
      if (word === undefined) fault(`must be one of ${words.join(', ')}, but is "${text}"`)
      return word
    },
    { enum: words }
  )
}

/** Whether a text is an origin-form request target (RFC 9112 section 3.2.1), without a fragment. */
export function isRequestPath(text: string): boolean {
  return /^\/[\x21-\x7e]*$/.test(text) && !text.includes('#')
}

/**
 * Status codes and ranges: `200-399` or `200,204,301-302`.
 * @param mayBeEmpty whether the list may be empty
 */
export function statusRanges(mayBeEmpty = false) {
  return parsed<StatusRange[]>(
    (text, fault) =>
      mayBeEmpty && text === ''
        ? []
        : readStatusRanges(text, ',', (part) =>
            fault(`must list status codes or ranges such as 200-399, but has "${part}"`)
          ),
    LIST_IN_FILE
  )
}

/** Parses status codes and ranges between separators. Calls `fault` with each part that is neither. */
export function readStatusRanges(
  text: string,
  separator: string,
  fault: (part: string) => void
): StatusRange[] {
  return text.split(separator).map((part) => {
    const [, from = '', to = from] = /^\s*([1-5]\d\d)\s*(?:-\s*([1-5]\d\d)\s*)?$/.exec(part) ?? []
    if (from === '' || to < from) fault(part.trim())
    return { from: Number(from), to: Number(to) }
  })
}

/**
 * Addresses and CIDR ranges, separated by commas or spaces.
 * @param mayBeEmpty whether the list may be empty
 */
export function addressRanges(mayBeEmpty = false) {
  return parsed<BlockList>((text, fault) => {
    const list = new BlockList()
    for (const part of mayBeEmpty && text === '' ? [] : text.split(/[\s,]+/)) {
      const [address = '', prefix, ...rest] = part.split('/')
      const family = isIP(address)
      const bits = family === 4 ? 32 : 128
      const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
      if (family === 0 || rest.length > 0 || length < 0 || length > bits) {
        fault(`must list addresses or CIDR ranges such as 10.0.0.0/8, but has "${part}"`)
      } else {
        list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
      }
    }
    return list
  }, LIST_IN_FILE)
}
