import { DEFAULT_URGENCY, URGENCIES } from '../../../base/http2/send-order.js'

/** How a response is to be sent beside others (RFC 9218 section 4). */
export interface Priority {
  /** 0 to 7, 0 the most urgent. */
  readonly urgency: number
  /** Whether parts of it are of use by themselves, so that it can share the connection. */
  readonly isIncremental: boolean
}

/**
 * That of a request which says nothing: it shares the connection with the others, as with servers that know no priorities.
 * Only who speaks of them has responses sent one after the other.
 */
export const NO_PRIORITY: Priority = { urgency: DEFAULT_URGENCY, isIncremental: true }

/** A member of a dictionary (RFC 8941 section 3.2), of which only integers and booleans mean something here. */
const MEMBER = /^([a-z*][a-z0-9_\-.*]*)(?:=([^;]*))?(?:;.*)?$/

/** Reads a field value of `Priority` or PRIORITY_UPDATE. What is not valid counts as not said (RFC 9218 section 4). */
export function readPriority(value: string): Priority {
  let urgency = DEFAULT_URGENCY
  let isIncremental = false
  for (const text of value.split(',')) {
    const [, key, given] = MEMBER.exec(text.trim()) ?? []
    if (key === 'u') urgency = given !== undefined && isUrgency(given) ? Number(given) : DEFAULT_URGENCY
    if (key === 'i') isIncremental = given === undefined || given === '?1'
  }
  return { urgency, isIncremental }
}

const isUrgency = (text: string) => /^\d$/.test(text) && Number(text) < URGENCIES
