import * as v from 'valibot'
import { type Item, plainOf } from '../file/item.js'
import { fileValueOf, takesList } from '../schema.js'
import { described, type JsonSchema, type Shape } from './shape.js'

/** A number that is written where a text is wanted is that text. */
const TEXT: JsonSchema = { type: ['string', 'number'] }

/** Whether a value is a text, as a number is too, in the way that it is written: `080`. */
export const isText = (item: Item) =>
  item.kind === 'scalar' && (typeof item.value === 'string' || typeof item.value === 'number')

const textIn = (item: Item) => (item.kind === 'scalar' ? item.text : '')

/**
 * A text.
 * @param wanted what it has to be, such as `a path such as /v2`
 * @param parse calls `fault` with what is to be said after the name of the value; returns undefined for a text that is
 *   not what is wanted
 */
export function text<T>(
  wanted: string,
  parse: (text: string, fault: (message: string) => void) => T | undefined,
  json: JsonSchema = {}
): Shape<T, string | number> {
  return {
    read: (item, path, faults) => {
      let isTold = false
      const tell = (message: string) => {
        isTold = true
        faults.add(item.at, `${path} ${message}`)
      }
      const value = isText(item) ? parse(textIn(item), tell) : undefined
      if (value === undefined && !isTold) tell(`must be ${wanted}, but ${described(item)}`)
      return isTold ? undefined : value
    },
    json: { ...TEXT, ...json }
  }
}

/** Any text. */
export const anyText = text<string>('a text', (given) => given)

/** One of a few words. */
export function word<const Words extends readonly string[]>(
  words: Words
): Shape<Words[number], Words[number]> {
  const { read, json } = text(
    `one of ${words.join(', ')}`,
    (given): Words[number] | undefined => words.find((each) => each === given),
    { type: 'string', enum: words }
  )
  return { read, json }
}

/** A whole number. */
export function wholeNumber(min: number, max: number): Shape<number, number> {
  return number(`a whole number from ${min} to ${max}`, min, max, true)
}

/** A number, with or without a fraction. */
export function decimal(min: number, max: number): Shape<number, number> {
  return number(`a number from ${min} to ${max}`, min, max, false)
}

function number(wanted: string, minimum: number, maximum: number, isWhole: boolean): Shape<number, number> {
  return {
    read: (item, path, faults) => {
      const value = item.kind === 'scalar' ? item.value : undefined
      const isRight =
        typeof value === 'number' &&
        value >= minimum &&
        value <= maximum &&
        (!isWhole || Number.isSafeInteger(value))
      if (isRight) return value
      faults.add(item.at, `${path} must be ${wanted}, but ${described(item)}`)
      return undefined
    },
    json: { type: isWhole ? 'integer' : 'number', minimum, maximum }
  }
}

/** `true` or `false`. */
export const flag: Shape<boolean, boolean> = {
  read: (item, path, faults) => {
    if (item.kind === 'scalar' && typeof item.value === 'boolean') return item.value
    faults.add(item.at, `${path} must be true or false, but ${described(item)}`)
    return undefined
  },
  json: { type: 'boolean' }
}

type Plain = string | number | boolean

const PLAIN: readonly string[] = ['string', 'number', 'boolean']

/** A value that a variable can have too: its text, or for lists a list of texts. */
export function setting<T>(type: v.GenericSchema<string, T>): Shape<T, Plain | readonly Plain[]> {
  const isList = takesList(type)
  const wanted = `a text, a number, true or false${isList ? ', or a list of those' : ''}`
  return {
    read: (item, path, faults) => {
      const tell = (message: string) => faults.add(item.at, `${path} ${message}`)
      const value = plainOf(item)
      const texts = Array.isArray(value) && isList ? value : [value]
      if (texts.length === 0 || !texts.every((each) => PLAIN.includes(typeof each))) {
        tell(`must be ${wanted}, but ${texts.length === 0 ? 'is an empty list' : described(item)}`)
        return undefined
      }
      const result = v.safeParse(type, texts.join(','))
      for (const { message } of result.issues ?? []) tell(message)
      return result.success ? result.output : undefined
    },
    json: isList ? { ...fileValueOf(type), not: { type: 'array', maxItems: 0 } } : fileValueOf(type)
  }
}
