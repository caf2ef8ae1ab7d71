import type { Pattern } from './options.js'

/** Of the source, and of the program that it is compiled to: what bounds the time of a match. */
const MAX_SOURCE_LENGTH = 1024
const MAX_PROGRAM_SIZE = 512

/**
 * Compiles a regular expression of RE2's syntax, which has no look-around and no back-references. It matches anywhere
 * in a text, unless it is anchored.
 * @throws Error that says what is wrong with it, or that it is too large
 */
export function compilePattern(source: string): Pattern {
  if (source.length > MAX_SOURCE_LENGTH)
    throw new Error(
      `a regular expression has at most ${MAX_SOURCE_LENGTH} characters, this one has ${source.length}`
    )
  // Loaded only where there is a regular expression.
  const { RE2JS, RE2JSException } = require('re2js') as typeof import('re2js')
  try {
    const compiled = RE2JS.compile(source)
    if (compiled.programSize() > MAX_PROGRAM_SIZE) throw new Error('it is too large: repeat less in it')
    return { source, test: (text) => compiled.test(text) }
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    throw new Error(
      `not a regular expression of RE2: ${error.message.replace(/^error parsing regexp: /, '')}`
    )
  }
}
