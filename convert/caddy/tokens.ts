import { ConvertError } from '../findings.js'

/** A word of a Caddyfile. */
export interface Token {
  readonly text: string
  readonly line: number
  /** Where it ends, if it has several lines. */
  readonly endLine: number
  /** Whether it was in quotes, so that a brace in it is none. */
  readonly isQuoted: boolean
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * The words of a Caddyfile, with variables of the environment put in.
 * @throws {ConvertError} for a quote that does not end
 */
export function tokensOf(source: string, file: string, env: Env): Token[] {
  const text = source.replace(
    /\{\$([^}:]+)(?::([^}]*))?\}/g,
    (_, name: string, byDefault = '') => env[name] || byDefault
  )
  const tokens: Token[] = []
  let line = 1
  let at = 0
  while (at < text.length) {
    const char = text[at]!
    if (char === '\n') line++
    if (/\s/.test(char)) at++
    else if (char === '\\' && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      // The next line goes on with this one.
      const next = text.indexOf('\n', at) + 1
      at = next
      joinNext()
    } else if (char === '#') while (at < text.length && text[at] !== '\n') at++
    else if (char === '"' || char === '`') quoted(char)
    else if (/^<<\w+\r?\n/.test(text.slice(at, at + 80))) heredoc()
    else bare()
  }
  return tokens

  /** Counts as the line before, and lets all that follows stand as many lines further down. */
  function joinNext() {
    const end = text.indexOf('\n', at)
    const inner = tokensOf(text.slice(at, end === -1 ? undefined : end), file, {})
    for (const token of inner) tokens.push({ ...token, line, endLine: line })
    at = end === -1 ? text.length : end
    line++
  }

  function quoted(quote: string) {
    const start = line
    let value = ''
    for (at++; at < text.length && text[at] !== quote; at++) {
      if (quote === '"' && text[at] === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')) at++
      if (text[at] === '\n') line++
      value += text[at]
    }
    if (at >= text.length) throw new ConvertError(`the quote ${quote} is not closed`, { file, line: start })
    at++
    tokens.push({ text: value, line: start, endLine: line, isQuoted: true })
  }

  function heredoc() {
    const [whole, marker = ''] = /^<<(\w+)\r?\n/.exec(text.slice(at))!
    const start = at + whole.length
    const end = new RegExp(`^([ \\t]*)${marker}\\b`, 'm').exec(text.slice(start))
    if (!end) throw new ConvertError(`<<${marker} does not end`, { file, line })
    const lines = text
      .slice(start, start + end.index)
      .split(/\r?\n/)
      .slice(0, -1)
    const value = lines.map((one) => (one.startsWith(end[1]!) ? one.slice(end[1]!.length) : one)).join('\n')
    const endLine = line + lines.length + 1
    tokens.push({ text: value, line, endLine, isQuoted: true })
    line = endLine
    at = start + end.index + end[0].length
  }

  function bare() {
    let value = ''
    for (; at < text.length && !/\s/.test(text[at]!); at++) value += text[at]
    tokens.push({ text: value, line, endLine: line, isQuoted: false })
  }
}
