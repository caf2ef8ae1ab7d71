import type { Field, Message } from '../../support/wire.js'

/** Some of what a message is; what is left out does not matter. */
export interface Wanted {
  readonly line?: string
  /** Those of the message itself: not of its way or connection. */
  readonly fields?: readonly Field[]
  readonly framing?: Message['framing']
  /** Text as latin1. */
  readonly body?: string
  readonly trailers?: readonly Field[]
}

/** One request, what must arrive of it, what is answered, and what the client must get. */
export interface Case {
  readonly name: string
  /** Where it is said. */
  readonly section: string
  /** Text as latin1. */
  readonly sent: string
  readonly arrives?: Wanted
  readonly answer?: string
  readonly gets?: Wanted
}
