import { asRe2, escaped } from '../regexps.js'
import { ANY, type Conditions, type PathCondition, type TextCondition } from '../rules/conditions.js'
import { cookieOf } from '../rules/cookie.js'
import { isRange } from '../values.js'

/** How a sample is compared, as `-m` has it. */
export type Method =
  | 'str'
  | 'beg'
  | 'end'
  | 'sub'
  | 'dir'
  | 'dom'
  | 'reg'
  | 'found'
  | 'ip'
  | 'int'
  | 'len'
  | 'bin'

/** A test as it stands in an ACL, taken apart. */
export interface Test {
  /** Such as `path`, or `hdr(host)` without its converters. */
  readonly fetch: string
  readonly argument: string
  readonly method: Method | undefined
  readonly ignoresCase: boolean
  readonly values: readonly string[]
}

/** What is known of the place where a test is made. */
export interface Where {
  readonly isTls: boolean
  readonly port: number
  /** Told of what is not quite the same. */
  note(what: string, why: string): void
}

/** Of a test: conditions of which one has to fit, or always, or never; undefined if no match of a route can ask for it. */
export type Answer = readonly Conditions[] | boolean | undefined

const METHODS: Readonly<Record<string, readonly string[]>> = {
  METH_GET: ['GET', 'HEAD'],
  METH_HEAD: ['HEAD'],
  METH_POST: ['POST'],
  METH_PUT: ['PUT'],
  METH_DELETE: ['DELETE'],
  METH_OPTIONS: ['OPTIONS'],
  METH_TRACE: ['TRACE'],
  METH_CONNECT: ['CONNECT']
}

/** ACLs that exist without being declared. */
export function predefined(name: string): Answer {
  if (/^(?:TRUE|HTTP|HTTP_1\.[01]|HTTP_URL_SLASH|HTTP_2\.0)$/.test(name) && name !== 'HTTP_1.0')
    return name === 'HTTP_URL_SLASH' ? [{ ...ANY, paths: [{ kind: 'starts', text: '/' }] }] : true
  if (name === 'FALSE') return false
  if (name === 'LOCALHOST') return [{ ...ANY, clients: ['127.0.0.0/8', '::1'] }]
  if (name === 'HTTP_CONTENT') return undefined
  const methods = METHODS[name]
  return methods && [{ ...ANY, methods }]
}

/** The conditions of a test. */
export function answerOf(test: Test, where: Where): Answer {
  const { isTls, port } = where
  const { fetch, argument, values, ignoresCase } = test
  if (fetch === 'always_true') return true
  if (fetch === 'always_false') return false
  if (fetch === 'ssl_fc') return isTls
  if (test.values.length === 0 && test.method !== 'found' && fetch !== 'hdr_cnt') return undefined
  if (fetch === 'dst_port') return values.includes(String(port))
  if (fetch === 'method') return [{ ...ANY, methods: values.map((value) => value.toUpperCase()) }]
  if (fetch === 'src') {
    const ranges = values.map((value) => (value === 'localhost' ? '127.0.0.1' : value))
    return ranges.every(isRange) ? [{ ...ANY, clients: ranges }] : undefined
  }
  if (fetch === 'path' || fetch === 'url') return onPath(test)
  if (fetch === 'base') return onBase(test)
  if (fetch === 'hdr_cnt') return [{ ...ANY, headers: [{ name: argument.toLowerCase(), anyOf: [true] }] }]
  if (fetch === 'hdr' && argument.toLowerCase() === 'host') return onHost(test, where)
  const texts = textsOf(test)
  if (!texts) return undefined
  if (fetch === 'hdr') return [{ ...ANY, headers: [{ name: argument.toLowerCase(), anyOf: texts }] }]
  if (fetch === 'url_param') return [{ ...ANY, query: [{ name: argument, anyOf: texts }] }]
  if (fetch === 'cook') {
    const sources = texts.map((text) => cookieOf(argument, text))
    if (sources.includes(undefined) || ignoresCase) return undefined
    return [{ ...ANY, headers: [{ name: 'cookie', anyOf: sources.map((regexp) => ({ regexp: regexp! })) }] }]
  }
  return undefined
}

/** What a value is compared by, as a regular expression of the whole sample. */
function sourceOf(method: Method | undefined, value: string, separator: string): string | undefined {
  const text = escaped(value)
  const either = separator.length > 1 ? `[${separator}]` : separator
  const parts = escaped(value.replace(new RegExp(`^[${separator}]+|[${separator}]+$`, 'g'), ''))
  switch (method ?? 'str') {
    case 'str':
      return `^${text}$`
    case 'beg':
      return `^${text}`
    case 'end':
      return `${text}$`
    case 'sub':
      return text
    case 'dir':
    case 'dom':
      return `(?:^|${either})${parts}(?:${either}|$)`
    case 'reg':
      return value
    default:
      return undefined
  }
}

function textsOf({ method, values, ignoresCase }: Test): TextCondition[] | undefined {
  if (method === 'found') return [true]
  if ((method ?? 'str') === 'str' && !ignoresCase) return [...values]
  const found = values.map((value) => {
    const source = sourceOf(method, value, method === 'dir' ? '/' : './:')
    const regexp = source === undefined ? undefined : asRe2(source, ignoresCase)
    return regexp === undefined ? undefined : { regexp }
  })
  return found.includes(undefined) ? undefined : (found as TextCondition[])
}

function onPath({ fetch, method, values, ignoresCase }: Test): Answer {
  const paths: PathCondition[] = []
  for (const value of values) {
    // What begins with a path may go on with a query, which is no part of what is matched here.
    if (fetch === 'url' && (value.includes('?') || !/^(?:beg|str)$/.test(method ?? 'str'))) return undefined
    if (!ignoresCase && method === 'beg' && value.startsWith('/')) paths.push({ kind: 'starts', text: value })
    else if (!ignoresCase && (method ?? 'str') === 'str' && fetch === 'path' && value.startsWith('/'))
      paths.push({ kind: 'exact', path: value })
    else {
      const source = sourceOf(fetch === 'url' && method !== 'beg' ? undefined : method, value, '/')
      const regexp = source === undefined ? undefined : asRe2(source, ignoresCase)
      if (regexp === undefined) return undefined
      paths.push({ kind: 'regexp', source: regexp })
    }
  }
  return paths.length > 0 ? [{ ...ANY, paths }] : undefined
}

/** Host and path together. */
function onBase({ method, values }: Test): Answer {
  const found: Conditions[] = []
  for (const value of values) {
    const [, host = '', path = ''] = /^([^/]+)(\/.*)?$/.exec(value) ?? []
    if (host === '' || path === '' || !/^(?:beg|str)$/.test(method ?? 'str')) return undefined
    const condition: PathCondition =
      method === 'beg' ? { kind: 'starts', text: path } : { kind: 'exact', path }
    found.push({ ...ANY, hosts: [host.toLowerCase()], paths: [condition] })
  }
  return found
}

const HOST = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/i

/** The host has no port here, where HAProxy compares the whole field. */
function onHost({ method, values }: Test, where: Where): Answer {
  const hosts: string[] = []
  for (const value of values) {
    const plain = value.replace(/:\d+$/, '').toLowerCase()
    const [, alternatives] = /^\^\(?(?:\?:)?([\w\-.|\\]+)\)?\$$/.exec(value) ?? []
    const names = alternatives?.split('|').map((one) => one.replaceAll('\\.', '.').toLowerCase())
    if ((method ?? 'str') === 'str' && (HOST.test(plain) || plain.startsWith('['))) hosts.push(plain)
    else if (method === 'end' && /^\.[\w.-]+$/.test(plain)) hosts.push(`*${plain}`)
    else if (method === 'dom' && HOST.test(plain) && plain.includes('.')) {
      hosts.push(plain, `*.${plain}`)
      where.note(
        `hdr_dom ${value}`,
        `it is ${plain} and all below it, and no other host that ${plain} stands in`
      )
    } else if (method === 'reg' && names?.every((one) => HOST.test(one))) hosts.push(...names)
    else return undefined
  }
  return hosts.length > 0 ? [{ ...ANY, hosts }] : undefined
}
