import type { FrameClient } from '../../support/frame-client.js'
import type { Stage } from './stage.js'

/** Frames to send, or what is done between them. */
export type Step = Buffer | ((session: FrameClient, stage: Stage) => unknown)

/** Throws what is wrong with what has come. */
export type Expectation = (session: FrameClient, stage: Stage) => Promise<unknown>

/** What a client does on a connection of its own, and what it must see. */
export interface Case {
  readonly name: string
  /** Of RFC 9113, unless it names another. */
  readonly section: string
  readonly steps: readonly Step[]
  readonly sees: Expectation
  readonly opening: Opening
}

/** How a session begins. */
export interface Opening {
  /** Settings of the client, beside that its table of fields has size 0. */
  readonly own?: readonly (readonly [number, number])[]
  /** Takes the place of preface and settings. */
  readonly opening?: Buffer | string
}

type Row = readonly [steps: readonly Step[], sees: Expectation, opening?: Opening]

/** The cases of a section, by name. */
export function section(of: string, rows: Readonly<Record<string, Row>>): Case[] {
  return Object.entries(rows).map(([name, [steps, sees, opening = {}]]) => ({
    name,
    section: of,
    steps,
    sees,
    opening
  }))
}

/** The same for each of several things. */
export function each<T>(of: string, things: Readonly<Record<string, T>>, row: (thing: T) => Row): Case[] {
  return section(of, Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, row(thing)])))
}
