import { domainToASCII } from 'node:url'
import { hasOnly, TEXT, TOKEN, trimBlanks } from '../../base/http/characters.js'
import { isHost, isHostName } from '../../base/values/check-values.js'
import { isFieldName } from '../../routing/filters/field-edits.js'
import type { Pattern } from '../../routing/options.js'
import { withNormalEncoding } from '../../routing/paths/normal-form.js'
import { compilePattern } from '../../routing/pattern.js'
import { text, wholeNumber } from '../shapes/scalars.js'
import { refined, type Shape } from '../shapes/shape.js'

type Fault = (message: string) => void

const NAME = /^[a-z0-9](?:[\w.-]{0,62}[a-z0-9])?$/i
const NAME_PATTERN = '^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$'
const WHAT_NAME = 'a name of letters, digits, ".", "_" and "-", at most 64'
const PORT_OF_HOST = /:\d*$/
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/
const BAD_ENCODING = /%(?![0-9a-f]{2})/i

/** The name of a pool or a route: it stands in logs, labels of metrics, cookies and paths of the API. */
export const name = text<string>(WHAT_NAME, (given) => (isName(given) ? given : undefined), {
  pattern: NAME_PATTERN
})

export const isName = (given: string) => NAME.test(given)

/** What is wrong with the name of a pool; undefined for nothing. */
export const nameFault = (given: string) => (isName(given) ? undefined : `must be ${WHAT_NAME}`)

/** What is wrong with a host without a port, such as one that is written in other letters. */
function hostFault(given: string): string | undefined {
  const bare = given.replace(PORT_OF_HOST, '')
  if (bare !== given && (isHost(bare) || bare.startsWith('*.')))
    return `must be without a port, but is "${given}"`
  const ascii = /[^\x20-\x7e]/.test(given) ? domainToASCII(given) : ''
  return isHost(ascii) ? `must be in ASCII, as clients send it: ${ascii}` : undefined
}

/** A host without a port, in small letters; undefined for anything else. */
const hostIn = (given: string): string | undefined =>
  isHost(given) && !/[^\]]:\d*$/.test(given) && !/\]:/.test(given)
    ? given.toLowerCase().replace(/\.$/, '')
    : undefined

/** A host: exact, or all below one. */
export const hostPattern = text<string>('a host such as app.example or *.app.example', (given, fault) => {
  const suffix = given.startsWith('*.') ? given.slice(2) : undefined
  if (suffix !== undefined && isHostName(suffix) && !suffix.includes('*')) return `*.${hostIn(suffix)}`
  const host = suffix === undefined ? hostIn(given) : undefined
  if (host !== undefined) return host
  const wrong = given === '*' ? 'must be a host: leave it out for all hosts' : hostFault(given)
  if (wrong !== undefined) fault(wrong)
  return undefined
})

/** A host without a port. */
export const host = text<string>('a host such as app.example', (given, fault) => {
  const found = hostIn(given)
  const wrong = found === undefined ? hostFault(given) : undefined
  if (wrong !== undefined) fault(wrong)
  return found
})

/** A host, with or without a port. */
export const authority = text<string>('a host such as app.example or app.example:8080', (given) =>
  isHost(given) ? given : undefined
)

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are ASCII too
const IS_ASCII = /^[\x00-\x7f]*$/
const PATH = { pattern: '^/[^?#]*$' }

/** @param inForm makes what is kept of a path, one character a byte */
function pathText(
  inForm: (bytes: string, fault: Fault) => string | undefined
): Shape<string, string | number> {
  return text<string>(
    'a path such as /v2',
    (given, fault) => {
      if (!given.startsWith('/')) fault(`must start with "/", but is "${given}"`)
      else if (/[?#]/.test(given)) fault(`must be a path without "?" and "#", but is "${given}"`)
      else return inForm(IS_ASCII.test(given) ? given : Buffer.from(given).toString('latin1'), fault)
      return undefined
    },
    PATH
  )
}

/** The form of RFC 3986 section 6.2.2; what needs an encoding gets it. */
function inNormalForm(bytes: string, fault: Fault): string | undefined {
  const path = withNormalEncoding(bytes)
  if (BAD_ENCODING.test(bytes)) fault(`must have two hexadecimal digits after each "%", but has "${path}"`)
  else if (DOT_SEGMENT.test(path)) fault(`must have no segments "." and "..", but has "${path}"`)
  else return path
  return undefined
}

/** Without the `/` at the end, which says nothing of a prefix. */
const withoutEnd = (path: string) => path.replace(/(?<=.)\/+$/, '')

/** A port. */
export const port = wholeNumber(1, 65_535)

/** A whole path. */
export const path = pathText(inNormalForm)

/** The first segments of paths; `/` for all. */
export const pathPrefix = pathText((bytes, fault) => {
  const path = inNormalForm(bytes, fault)
  return path === undefined ? undefined : withoutEnd(path)
})

/** The same as it is written, to be compared with what clients send as it is. */
export const rawPath = pathText((bytes) => bytes)
export const rawPathPrefix = pathText(withoutEnd)

/** A regular expression. */
export const pattern = text<Pattern>('a regular expression', (given, fault) => {
  try {
    if (given !== '') return compilePattern(given)
    fault('must be a regular expression, but is empty')
  } catch (error) {
    fault(`cannot be "${given}": ${(error as Error).message}`)
  }
  return undefined
})

/** A regular expression for paths, in which nothing but ASCII stands. */
export const pathPattern = refined(pattern, (found, item, path, faults) => {
  const other = /[^\x20-\x7e]/u.exec(found.source)?.[0]
  if (other !== undefined)
    faults.add(item.at, `${path} must have "${other}" as it stands in a path: ${encodeURIComponent(other)}`)
  return found
})

/** The value of a field. */
export const fieldValue = text<string>('a text', (given, fault) => {
  const value = trimBlanks(given)
  if (!hasOnly(TEXT, Buffer.from(value).toString('latin1')))
    fault('must be a text without line breaks and other control characters')
  return value
})

/** What is wrong with the name of a field; undefined for nothing. */
export function fieldNameFault(given: string): string | undefined {
  return isFieldName(given) ? undefined : 'must be the name of a field, such as X-Version'
}

/** A method, in capitals. */
export const method = text<string>('a method in capitals, such as GET', (given, fault) => {
  if (given === 'CONNECT') fault('must be another method than CONNECT, which is never passed on')
  return given !== '' && hasOnly(TOKEN, given) && given === given.toUpperCase() ? given : undefined
})
