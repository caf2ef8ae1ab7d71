import { isIP, isIPv6 } from 'node:net'
import { isRequestPath, LIST_IN_FILE, parsed } from './values.js'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i
const VALUE = /^[\t\x20-\x7e]*$/
const PATTERN = /^\/(.+)\/([a-z]*)$/s
/** All but the stateful ones, `g` and `y`. */
const PATTERN_FLAGS = /^[imsuv]*$/
const HOST = /^(?:\[([^\]]*)\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::(\d{1,5}))?$/i
/** Fields of framing and of the connection, and `Host`, which has a setting of its own. */
const OWN_FIELDS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade'])

/** A field of a request. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** What the body of a response has to contain: a text, or a match of a pattern. */
export type WantedBody = string | RegExp

const GRPC_SERVICE = /^grpc:([\x21-\x7e]*)$/
export const CHECK_TARGET = 'a path that starts with "/", such as /health, or grpc: and the name of a service'

/** The service of `grpc:service`, empty for the whole server; undefined for a path. */
export function grpcService(target: string): string | undefined {
  return GRPC_SERVICE.exec(target)?.[1]
}

/** Whether a text is the target of a check: a path, or `grpc:service`. */
export function isCheckTarget(text: string): boolean {
  return isRequestPath(text) || grpcService(text) !== undefined
}

/** The target of a check: a path, or `grpc:service`. */
export function checkTarget() {
  return parsed<string>((text, fault) => {
    if (isCheckTarget(text)) return text
    fault(`must be ${CHECK_TARGET}, but is "${text}"`)
    return undefined
  })
}

/** A method (RFC 9110 section 9.1) in capitals; not `CONNECT`, which asks for a tunnel. */
export function checkMethod() {
  return parsed<string>((text, fault) => {
    if (TOKEN.test(text) && text === text.toUpperCase() && text !== 'CONNECT') return text
    fault(`must be a method in capitals such as GET or HEAD, but is "${text}"`)
    return undefined
  })
}

/** Whether a text is valid in `Host`: a name or address, with or without a port (RFC 9110 section 7.2). */
export function isHost(text: string): boolean {
  const [matched, v6, port = '1'] = HOST.exec(text) ?? []
  return (
    matched !== undefined && (v6 === undefined || isIPv6(v6)) && Number(port) >= 1 && Number(port) <= 65_535
  )
}

/** Whether a text is a host name, not an address. */
export function isHostName(text: string): boolean {
  return isHost(text) && !/[:[]/.test(text) && isIP(text) === 0
}

/** The value of a `Host` field; empty for none. */
export function checkHost() {
  return parsed<string>((text, fault) => {
    if (text === '' || isHost(text)) return text
    fault(`must be a host such as app.example or app.example:8080, but is "${text}"`)
    return undefined
  })
}

/**
 * Fields as `Name: value`, one a line, or separated by `;` on a single line. Faults name a field by its position alone,
 * as its value may be secret.
 */
export function checkFields() {
  return parsed<Field[]>((text, fault) => {
    const fields: Field[] = []
    const lines = text.split(text.includes('\n') ? /\r?\n/ : ';').map((line) => line.trim())
    for (const [index, line] of lines.filter(Boolean).entries()) {
      const [name = '', value] = line.split(/:(.*)/s).map((part) => part.trim())
      if (!TOKEN.test(name) || value === undefined || !VALUE.test(value)) {
        fault(`must list fields such as "X-Check: 1", in ASCII, but the ${ordinal(index)} is not one`)
      } else if (OWN_FIELDS.has(name.toLowerCase())) {
        fault(`must not set ${name}, which is the check's own`)
      } else {
        fields.push({ name, value })
      }
    }
    return fields
  }, LIST_IN_FILE)
}

const ordinal = (index: number) => ['first', 'second', 'third'][index] ?? `${index + 1}th`

/** A text, or a regular expression as `/…/flags`; empty for none. */
export function checkBody() {
  return parsed<WantedBody>((text, fault) => {
    const [, source, flags = ''] = PATTERN.exec(text) ?? []
    if (source === undefined) return text
    try {
      if (PATTERN_FLAGS.test(flags)) return new RegExp(source, flags)
      fault(
        `must be a text or a pattern such as /ready|ok/i, with flags of i, m, s, u and v, but has "${flags}"`
      )
    } catch (error) {
      fault(`must be a text or a pattern such as /ready|ok/i: ${(error as Error).message}`)
    }
    return undefined
  })
}
