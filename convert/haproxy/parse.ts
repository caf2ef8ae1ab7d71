import { ConvertError, type Place } from '../findings.js'

/** A line of `haproxy.cfg`: a keyword and its arguments. */
export interface Line {
  readonly name: string
  readonly args: readonly string[]
  readonly at: Place
  /** As it was written. */
  readonly text: string
}

/** A section with its lines, and those of the `defaults` that it takes. */
export interface Section {
  readonly kind: string
  readonly name: string
  readonly args: readonly string[]
  readonly at: Place
  readonly lines: readonly Line[]
  readonly defaults: readonly Line[]
}

const SECTIONS = new Set(
  `global defaults frontend backend listen peers resolvers userlist mailers program http-errors ring cache fcgi-app
  log-forward crt-store traces acme`.split(/\s+/)
)

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads a `haproxy.cfg`.
 * @throws {ConvertError} for a quote that does not end, or a line before the first section
 */
export function parseHaproxy(text: string, file: string, env: Env): Section[] {
  const sections: { head: Line; lines: Line[]; defaults: readonly Line[] }[] = []
  const named = new Map<string, readonly Line[]>()
  let latest: readonly Line[] = []
  for (const line of linesOf(text, file, env)) {
    if (SECTIONS.has(line.name)) {
      const from = line.args.indexOf('from')
      const lines: Line[] = []
      const base = from === -1 ? undefined : named.get(line.args[from + 1] ?? '')
      if (from !== -1 && !base)
        throw new ConvertError(`there are no defaults named "${line.args[from + 1] ?? ''}"`, line.at)
      sections.push({ head: line, lines, defaults: base ?? (line.name === 'defaults' ? [] : latest) })
      if (line.name === 'defaults') {
        latest = lines
        named.set(line.args[0] ?? '', lines)
      }
      continue
    }
    const section = sections.at(-1)
    if (!section) throw new ConvertError(`"${line.name}" stands before the first section`, line.at)
    section.lines.push(line)
  }
  return sections.map(({ head, lines, defaults }) => {
    if (/^(?:frontend|backend|listen)$/.test(head.name) && !head.args[0])
      throw new ConvertError(`"${head.name}" has no name`, head.at)
    return { kind: head.name, name: head.args[0] ?? '', args: head.args, at: head.at, lines, defaults }
  })
}

function linesOf(text: string, file: string, env: Env): Line[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const at = { file, line: index + 1 }
    const [name, ...args] = wordsOf(line, at, env)
    return name === undefined ? [] : [{ name, args, at, text: line.trim() }]
  })
}

/** The words of a line: with quotes and escapes taken away, and variables of the environment put in. */
export function wordsOf(line: string, at: Place, env: Env): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!
    if (quote === "'") {
      if (char === "'") quote = ''
      else word += char
    } else if (char === '\\' && i + 1 < line.length) {
      word = (word ?? '') + unescaped(line[++i]!, quote)
    } else if (char === quote && quote !== '') {
      quote = ''
    } else if (char === '"' || (char === "'" && quote === '')) {
      quote = char
      word ??= ''
    } else if (char === '$' && quote === '"') {
      const [whole, braced, plain] = /^\$(?:\{(\w+)[^}]*\}|(\w+))/.exec(line.slice(i)) ?? []
      word = (word ?? '') + (whole ? (env[(braced ?? plain)!] ?? '') : char)
      i += whole ? whole.length - 1 : 0
    } else if (quote === '' && char === '#') {
      break
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== '') throw new ConvertError(`the quote ${quote} is not closed`, at)
  return word === undefined ? words : [...words, word]
}

const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

/** A backslash escapes white space, quotes, `#` and itself; before other characters it stays, for regular expressions. */
function unescaped(char: string, quote: string): string {
  if (/[\s\\"'#]/.test(char) || (quote === '"' && char === '$')) return char
  return UNESCAPED[char] ?? `\\${char}`
}
