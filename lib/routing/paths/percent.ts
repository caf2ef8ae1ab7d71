/** The values of hexadecimal digits by their character code, 16 for all other characters. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? 16 : digit
})

/** What to write for each encoded octet, by its value; undefined where the encoding is to stay as it is. */
export type Spellings = readonly (string | undefined)[]

/** @param spell what to write for an octet, also given as the character of its value */
export function spellings(spell: (char: string, octet: number) => string | undefined): Spellings {
  return Array.from({ length: 256 }, (_, octet) => spell(String.fromCharCode(octet), octet))
}

/**
 * A text with its percent-encoded octets (RFC 3986 section 2.1) written anew. A `%` that encodes nothing stays. Not by a
 * regular expression: a long target has thousands of them, and is read in many ways.
 */
export function respelled(text: string, spelling: Spellings): string {
  let at = text.indexOf('%')
  if (at === -1) return text
  let written = ''
  let from = 0
  for (; at !== -1; at = text.indexOf('%', at)) {
    const octet = octetAt(text, at + 1)
    const spelled = octet === -1 ? undefined : spelling[octet]
    if (spelled === undefined) at++
    else {
      written += text.slice(from, at) + spelled
      at += 3
      from = at
    }
  }
  return from === 0 ? text : written + text.slice(from)
}

function octetAt(text: string, at: number): number {
  const high = DIGITS[text.charCodeAt(at)] ?? 16
  const low = DIGITS[text.charCodeAt(at + 1)] ?? 16
  return high < 16 && low < 16 ? high * 16 + low : -1
}
