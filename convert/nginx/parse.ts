import { type Directive, textOf } from '../directive.js'
import { ConvertError, type Place } from '../findings.js'

interface Token {
  readonly text: string
  readonly isQuoted: boolean
  readonly line: number
}

/**
 * Reads the text of an `nginx.conf`, without what it includes.
 * @throws {ConvertError} if its blocks or quotes do not end, or begin
 */
export function parseNginx(text: string, file: string): Directive[] {
  const tokens = tokensOf(text, file)
  let at = 0
  const place = (line: number): Place => ({ file, line })

  function block(opened: Directive | undefined): Directive[] {
    const found: Directive[] = []
    for (;;) {
      const first = tokens[at]
      if (!first) {
        if (opened) throw new ConvertError(`"${textOf(opened)}" has no "}" that closes it`, opened.at)
        return found
      }
      if (first.text === '}' && !first.isQuoted) {
        if (!opened) throw new ConvertError('"}" closes nothing', place(first.line))
        at++
        return found
      }
      found.push(directive(first))
    }
  }

  function directive(first: Token): Directive {
    const args: string[] = []
    if (!first.isQuoted && /^[{;]$/.test(first.text))
      throw new ConvertError(`a directive is missing before "${first.text}"`, place(first.line))
    for (at++; at < tokens.length; at++) {
      const { text, isQuoted, line } = tokens[at]!
      const known = { name: first.text, args, at: place(first.line) }
      if (!isQuoted && text === ';') {
        at++
        return { ...known, block: undefined }
      }
      if (!isQuoted && text === '{') {
        at++
        return { ...known, block: block({ ...known, block: [] }) }
      }
      if (!isQuoted && text === '}')
        throw new ConvertError(`";" is missing after "${[first.text, ...args].join(' ')}"`, place(line))
      args.push(text)
    }
    throw new ConvertError(`";" is missing after "${[first.text, ...args].join(' ')}"`, place(first.line))
  }

  return block(undefined)
}

const SPACE = /\s/
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  t: '\t',
  r: '\r',
  n: '\n'
}
/** The block of a script is no configuration. */
const SCRIPT = /_by_lua_block$|^js_content_block$/

function tokensOf(text: string, file: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  let at = 0
  const step = () => {
    if (text[at] === '\n') line++
    return text[at++]!
  }
  while (at < text.length) {
    const char = text[at]!
    if (SPACE.test(char)) {
      step()
    } else if (char === '#') {
      while (at < text.length && text[at] !== '\n') at++
    } else if (/[{};]/.test(char)) {
      tokens.push({ text: char, isQuoted: false, line })
      step()
      const before = tokens.at(-2)
      if (char === '{' && before && SCRIPT.test(before.text)) skipScript()
    } else if (char === '"' || char === "'") {
      quoted(char)
    } else {
      bare()
    }
  }
  return tokens

  function quoted(quote: string) {
    const start = line
    let value = ''
    step()
    while (at < text.length && text[at] !== quote) {
      value += text[at] === '\\' ? escapedChar() : step()
    }
    if (at >= text.length) throw new ConvertError(`the quote ${quote} is not closed`, { file, line: start })
    step()
    tokens.push({ text: value, isQuoted: true, line: start })
  }

  function bare() {
    const start = line
    let value = ''
    while (at < text.length && !SPACE.test(text[at]!)) {
      if (text.startsWith('${', at)) {
        const end = text.indexOf('}', at)
        if (end === -1) throw new ConvertError('a variable in braces has no "}"', { file, line: start })
        value += text.slice(at, end + 1)
        at = end + 1
        continue
      }
      if (/[{;]/.test(text[at]!)) break
      value += text[at] === '\\' ? escapedChar() : step()
    }
    tokens.push({ text: value, isQuoted: false, line: start })
  }

  /** Quotes, backslashes and white space are escaped: all others keep their backslash, as regular expressions need it. */
  function escapedChar(): string {
    step()
    if (at >= text.length) return '\\'
    const char = step()
    return ESCAPES[char] ?? `\\${char}`
  }

  function skipScript() {
    let depth = 1
    while (at < text.length && depth > 0) {
      const char = step()
      if (char === '{') depth++
      if (char === '}') depth--
    }
    if (depth > 0) throw new ConvertError('a block of a script is not closed', { file, line })
    tokens.push({ text: '}', isQuoted: false, line })
  }
}
