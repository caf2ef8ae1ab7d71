export const CR = 0x0d
export const LF = 0x0a
export const SPACE = 0x20
export const TAB = 0x09
export const COLON = 0x3a

/** The characters of a field name (RFC 9110 section 5.6.2), by their code: 1 for those that are allowed. */
export const TOKEN = charTable((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)))
/** The characters of a field value or a reason phrase, `obs-text` included (section 5.5). */
export const TEXT = charTable((code) => code === TAB || (code >= SPACE && code !== 0x7f))

/** A table of the 256 characters of latin1 that look-ups need no comparison for. */
export function charTable(has: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => Number(has(code)))
}

/** Whether a text has no other characters than those of a table. */
export function hasOnly(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return true
}

/** Whether a character is a blank (section 5.6.3). */
const isBlank = (code: number) => code === SPACE || code === TAB

/** Part of a text without blanks around it: other whitespace belongs to a value (section 5.5). */
export function trimBlanks(text: string, from = 0, to = text.length): string {
  // Not by a regular expression: to look for blanks at the end, it tries each run of them, in quadratic time.
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}
