/** What is escaped in both formats, so that nobody can forge a line or break one. */
const UNSAFE = /[^\x20-\x7e]|["\\]/
const CUT_OFF = '...'

/** A text for a JSON string, cut off after `max` characters and marked by dots then. */
export function escapeJson(text: string, max: number): string {
  return text.length <= max && !UNSAFE.test(text) ? text : escaped(text, max, '\\u00')
}

/** A text between quotes as Apache's logs escape it, cut off in the same way. */
export function escapeQuoted(text: string, max: number): string {
  return text.length <= max && !UNSAFE.test(text) ? text : escaped(text, max, '\\x')
}

function escaped(text: string, max: number, hexPrefix: '\\u00' | '\\x'): string {
  let result = ''
  for (const character of text) {
    const part = UNSAFE.test(character) ? escapedCharacter(character, hexPrefix) : character
    if (result.length + part.length > max) return result + CUT_OFF
    result += part
  }
  return result
}

/** Node decodes heads as Latin-1, one character a byte. */
function escapedCharacter(character: string, hexPrefix: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  const code = character.charCodeAt(0)
  return code > 0xff ? '?' : hexPrefix + code.toString(16).padStart(2, '0')
}
