import { hasOnly, TEXT, TOKEN, trimBlanks } from '../../base/http/characters.js'
import { FieldNames } from '../../base/http/field-names.js'
import { MESSAGE_FIELDS } from '../../base/http/forwarding-names.js'
import type { FieldChanges, FieldLines } from '../options.js'

/** A host is rewritten by an option of its own, and without `Via` no loop would be found. */
const KEPT_OF_REQUEST = new FieldNames([...MESSAGE_FIELDS, 'expect', 'host', 'http2-settings', 'via'])
const KEPT_OF_RESPONSE = new FieldNames([...MESSAGE_FIELDS, 'date'])

/** Whether a route may change a field of requests; not one either that CGI would take for one that it may not. */
export function isEditableInRequest(name: string): boolean {
  return !KEPT_OF_REQUEST.hasCgiEquivalent(name)
}

/** Whether a route may change a field of responses. */
export function isEditableInResponse(name: string): boolean {
  return !KEPT_OF_RESPONSE.has(name)
}

/** Changes of the fields of messages: some lines are dropped, others come behind those that stay. */
export class FieldEdits {
  /** Whether the host is another than the client has named. */
  readonly setsHost: boolean
  readonly #dropped: FieldNames
  /** Whether fields are dropped as well that CGI takes for one of these (RFC 3875 section 4.1.18). */
  readonly #ofCgi: boolean
  readonly #first: string
  readonly #added: string
  readonly #addedList: readonly string[]

  /**
   * The changes of requests; undefined if there are none.
   * @param host in place of that which the client has named
   * @throws if a field cannot be sent, or must not be changed
   */
  static ofRequests(changes: FieldChanges | undefined, host: string | undefined): FieldEdits | undefined {
    if (!changes && host === undefined) return undefined
    const { remove, set, add } = changes ?? NO_CHANGES
    check([...remove, ...namesOf(set), ...namesOf(add)], isEditableInRequest)
    const dropped = [...remove, ...namesOf(set), ...(host === undefined ? [] : ['host'])]
    return new FieldEdits(dropped, true, host === undefined ? [] : [['Host', host]], [...set, ...add])
  }

  /** The changes of responses, likewise. */
  static ofResponses(changes: FieldChanges | undefined): FieldEdits | undefined {
    if (!changes) return undefined
    const { remove, set, add } = changes
    check([...remove, ...namesOf(set), ...namesOf(add)], isEditableInResponse)
    return new FieldEdits([...remove, ...namesOf(set)], false, [], [...set, ...add])
  }

  /** Changes of fields that routes cannot change, of which the caller knows that they can be sent. */
  static unchecked(dropped: readonly string[], added: FieldLines): FieldEdits {
    return new FieldEdits(dropped, false, [], added)
  }

  private constructor(dropped: readonly string[], ofCgi: boolean, first: FieldLines, added: FieldLines) {
    const lower = dropped.map((name) => name.toLowerCase())
    const ofVariables = ofCgi ? lower.map((name) => name.replace(NO_LETTER, '-')) : []
    this.#dropped = new FieldNames([...lower, ...ofVariables])
    this.#ofCgi = ofCgi
    this.setsHost = first.length > 0
    this.#first = linesOf(first)
    this.#added = linesOf(added)
    this.#addedList = added.flatMap(([name, value]) => [name, bytesOf(value)])
  }

  /**
   * Fields with the changes, each a line with its CRLF, in latin1.
   * @param from where they begin; what stands before is kept
   */
  applyTo(text: string, from = 0): string {
    let kept = this.#first === '' ? '' : text.slice(0, from) + this.#first
    let keptTo = this.#first === '' ? 0 : from
    for (let at = from, end: number; at < text.length; at = end) {
      end = text.indexOf('\n', at) + 1 || text.length
      if (!this.#drops(text, at, text.indexOf(':', at))) continue
      kept += text.slice(keptTo, at)
      keptTo = end
    }
    return kept + (keptTo === 0 ? text : text.slice(keptTo)) + this.#added
  }

  /** Names and values in turn, with the changes. */
  applyToList(list: readonly string[]): readonly string[] {
    const kept: string[] = []
    for (let i = 0; i < list.length; i += 2)
      if (!this.#dropped.has(list[i]!)) kept.push(list[i]!, list[i + 1]!)
    return [...kept, ...this.#addedList]
  }

  #drops(text: string, from: number, to: number): boolean {
    if (!this.#dropped.mayHave(to - from, text.charCodeAt(from))) return false
    const name = text.slice(from, to)
    return this.#ofCgi ? this.#dropped.hasCgiEquivalent(name) : this.#dropped.has(name)
  }
}

const NO_CHANGES: FieldChanges = { remove: [], set: [], add: [] }

const namesOf = (lines: FieldLines): string[] => lines.map(([name]) => name)

const NO_LETTER = /[^a-z0-9-]/g
/** Longer names are in no set of names. */
const MAX_NAME_LENGTH = 63

/** Whether a text is a name that a field can have here. */
export const isFieldName = (text: string) =>
  text !== '' && text.length <= MAX_NAME_LENGTH && hasOnly(TOKEN, text)

function check(names: readonly string[], isEditable: (name: string) => boolean): void {
  for (const name of names) {
    if (!isFieldName(name)) throw new Error(`${JSON.stringify(name)} is no name of a field`)
    if (!isEditable(name)) throw new Error(`A route cannot change the field ${name}`)
  }
}

function linesOf(fields: FieldLines): string {
  return fields.map(([name, value]) => `${name}: ${bytesOf(value)}\r\n`).join('')
}

/** A value as it is sent: in UTF-8, one character a byte. */
function bytesOf(value: string): string {
  const bytes = Buffer.from(trimBlanks(value)).toString('latin1')
  if (!hasOnly(TEXT, bytes)) throw new Error(`${JSON.stringify(value)} cannot be the value of a field`)
  return bytes
}
