import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Directive, textOf } from '../directive.js'
import { ConvertError, type Findings, type Place } from '../findings.js'
import { matching } from '../glob.js'
import { type Token, tokensOf } from './tokens.js'

/** A site: its addresses, and what is in its block. */
export interface Site {
  readonly addresses: readonly string[]
  readonly directives: readonly Directive[]
  readonly at: Place
}

/** A whole Caddyfile, with its imports put in. */
export interface Caddyfile {
  readonly options: readonly Directive[]
  readonly sites: readonly Site[]
}

type Env = Readonly<Record<string, string | undefined>>
const MAX_DEPTH = 16

/**
 * Reads a Caddyfile.
 * @throws {ConvertError} if its blocks or quotes do not fit together
 */
export function parseCaddyfile(text: string, file: string, env: Env, findings: Findings): Caddyfile {
  const folder = path.dirname(path.resolve(file))
  const snippets = new Map<string, readonly Directive[]>()
  const options: Directive[] = []
  const sites: Site[] = []
  const imported = (directives: readonly Directive[], depth = 0): Directive[] =>
    directives.flatMap((directive) => {
      if (directive.name !== 'import') {
        const { block } = directive
        return [block ? { ...directive, block: imported(block, depth) } : directive]
      }
      if (depth >= MAX_DEPTH) throw new ConvertError('it imports itself without end', directive.at)
      const [name = '', ...args] = directive.args
      const snippet = snippets.get(name)
      if (snippet) return imported(withArguments(snippet, args), depth + 1)
      const files = matching(path.resolve(folder, name))
      if (files.length === 0 && !name.includes('*'))
        findings.leftOut(directive.at, textOf(directive), 'there is no such snippet or file')
      return files.flatMap((one) => {
        const shown = path.relative(folder, one)
        return imported(withArguments(directivesIn(readFileSync(one, 'utf8'), shown, env), args), depth + 1)
      })
    })

  for (const block of blocksIn(text, file, env)) {
    const [first = ''] = block.keys
    if (block.keys.length === 0) options.push(...imported(block.directives))
    else if (/^\(.+\)$/.test(first)) snippets.set(first.slice(1, -1), block.directives)
    else if (first === 'import') {
      // Whole sites may be imported.
      const files = matching(path.resolve(folder, block.keys[1] ?? ''))
      if (files.length === 0 && !block.keys[1]?.includes('*'))
        findings.leftOut(block.at, block.keys.join(' '), 'there is no such file')
      for (const one of files) {
        const inner = parseCaddyfile(readFileSync(one, 'utf8'), path.relative(folder, one), env, findings)
        sites.push(...inner.sites)
      }
    } else if (first.startsWith('&('))
      findings.leftOut(block.at, first, 'routes have no names to be invoked by')
    else sites.push({ addresses: block.keys, directives: imported(block.directives), at: block.at })
  }
  return { options, sites }
}

interface Block {
  readonly keys: readonly string[]
  readonly directives: readonly Directive[]
  readonly at: Place
}

function blocksIn(text: string, file: string, env: Env): Block[] {
  const tokens = tokensOf(text, file, env)
  const blocks: Block[] = []
  let at = 0
  while (at < tokens.length) {
    const first = tokens[at]!
    const place = { file, line: first.line }
    const keys: string[] = []
    // Addresses go on in the next line behind a comma.
    while (at < tokens.length && !isBrace(tokens[at]!, '{')) {
      const token = tokens[at]!
      if (isBrace(token, '}')) throw new ConvertError('"}" closes nothing', { file, line: token.line })
      if (keys.length > 0 && token.line !== tokens[at - 1]!.line && !tokens[at - 1]!.text.endsWith(',')) break
      keys.push(...token.text.split(',').filter((key) => key !== ''))
      at++
    }
    const isOpened = isBrace(tokens[at], '{')
    if (!isOpened && keys[0] === 'import') blocks.push({ keys, directives: [], at: place })
    else if (!isOpened && blocks.some(isSite))
      throw new ConvertError(`"${keys.join(' ')}" has no block`, place)
    else {
      // A single site may stand without braces.
      const reader = new Reader(tokens, isOpened ? at + 1 : at, file)
      const directives = reader.block(isOpened ? place : undefined, keys.join(' '))
      blocks.push({ keys, directives, at: place })
      at = reader.at
    }
  }
  return blocks
}

const isSite = ({ keys: [first] }: Block) => first !== undefined && !/^\(|^import$/.test(first)

/** Directives of a file that is imported into a block. */
function directivesIn(text: string, file: string, env: Env): Directive[] {
  return new Reader(tokensOf(text, file, env), 0, file).block(undefined, '')
}

function isBrace(token: Token | undefined, brace: string): boolean {
  return token !== undefined && !token.isQuoted && token.text === brace
}

class Reader {
  at: number
  readonly #tokens: readonly Token[]
  readonly #file: string

  constructor(tokens: readonly Token[], at: number, file: string) {
    this.#tokens = tokens
    this.at = at
    this.#file = file
  }

  /** Directives up to the brace that closes their block, or to the end of the file. */
  block(opened: Place | undefined, name: string): Directive[] {
    const found: Directive[] = []
    for (;;) {
      const token = this.#tokens[this.at]
      if (!token) {
        if (opened) throw new ConvertError(`"${`${name} {`.trim()}" has no "}" that closes it`, opened)
        return found
      }
      const at = { file: this.#file, line: token.line }
      if (isBrace(token, '}')) {
        if (!opened) throw new ConvertError('"}" closes nothing', at)
        this.at++
        return found
      }
      if (isBrace(token, '{')) throw new ConvertError('a directive is missing before "{"', at)
      found.push(this.#directive(token, at))
    }
  }

  #directive(first: Token, at: Place): Directive {
    const args: string[] = []
    // A line goes on where a text of several lines ends.
    let line = first.endLine
    for (this.at++; this.#tokens[this.at]?.line === line; this.at++) {
      const token = this.#tokens[this.at]!
      if (isBrace(token, '{')) {
        this.at++
        return { name: first.text, args, at, block: this.block(at, [first.text, ...args].join(' ')) }
      }
      if (isBrace(token, '}')) break
      args.push(token.text)
      line = token.endLine
    }
    return { name: first.text, args, at, block: undefined }
  }
}

function withArguments(directives: readonly Directive[], args: readonly string[]): Directive[] {
  const put = (text: string) =>
    text.replace(/\{args(?:\.|\[)(\d+)\]?\}/g, (_, index: string) => args[Number(index)] ?? '')
  return directives.map(({ name, args: own, block, at }) => ({
    name: put(name),
    args: own.flatMap((arg) => (arg === '{args[:]}' ? args : [put(arg)])),
    block: block && withArguments(block, args),
    at
  }))
}
