import { METHODS } from 'node:http'
import { flag, integer, LIST_IN_FILE, parsed, seconds } from '../../base/values/values.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'

const DAY_S = 24 * 3600

/** A token (RFC 9110 section 5.6.2), short enough for logs. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,64}$/i
/** The method of HTTP/2's connection preface, which no request has. */
const PREFACE = 'PRI'

/** Methods beside the registered ones; the list may be empty. */
function moreMethods() {
  return parsed<ReadonlySet<string>>((text, fault) => {
    const methods = new Set(text.split(/[\s,]+/).filter(Boolean))
    for (const method of methods) {
      const known = [...METHODS, PREFACE].find((name) => name === method.toUpperCase())
      if (!METHOD.test(method)) fault(`must list methods such as BAN, but has "${method}"`)
      else if (known === 'CONNECT' || known === PREFACE)
        fault(`must not list ${known}, which is never passed on`)
      else if (known === method) fault(`must not list ${method}, which is passed on anyway`)
      else if (known) fault(`must not list "${method}", which some would take for ${known}`)
    }
    return methods
  }, LIST_IN_FILE)
}

/** The variables of HTTP/2 to clients. */
export const http2Variables = {
  LB_NO_HTTP2: variable(flag(), {
    description:
      'Disables HTTP/2 over TLS: clients that offer it in the handshake get HTTP/1.1, and so do those that agreed on ' +
      'it with a proxy in front, as the PROXY protocol says.',
    fallback: 'false',
    flags: '--no-http2'
  }),
  LB_H2C: variable(flag(), {
    description: 'Accepts HTTP/2 without TLS (h2c, with prior knowledge) on the same port as HTTP/1.1.',
    fallback: 'false',
    flags: '--h2c'
  }),
  LB_HTTP2_MAX_STREAMS: variable(integer(1, 10_000), {
    description: 'Concurrent requests (streams) of a client over one HTTP/2 connection. More are refused.',
    fallback: '128',
    flags: '--http2-max-streams <n>'
  }),
  LB_METHODS: variable(moreMethods(), {
    description:
      'Methods beside the registered ones, such as `BAN,FOOBAR`, that are forwarded when they come over HTTP/2. Over ' +
      "HTTP/1.1 they are answered `501`, as all others are, since Node's parser does not know them.",
    fallback: '',
    flags: '--methods <methods>'
  }),
  LB_HTTP2_SEND_TIMEOUT: variable(seconds(0, DAY_S), {
    description:
      'Time in which an HTTP/2 client must read 1 KiB of a response that waits for it, or of others over its connection, ' +
      'before the stream is reset. 0 sets no limit.',
    fallback: '60',
    unit: 'seconds',
    flags: '--http2-send-timeout <seconds>'
  })
}

type Values = ValuesOf<typeof http2Variables> & {
  readonly LB_PROXY_PROTOCOL: boolean
}

/** Options of HTTP/2 to clients. */
export interface Http2Config {
  /**
   * Whether it is accepted without TLS, with prior knowledge. Otherwise it is negotiated in the TLS handshake, with the
   * balancer or with a proxy in front that says so by the PROXY protocol.
   */
  readonly isPlain: boolean
  readonly maxStreams: number
  /** 0 for no limit. */
  readonly sendTimeoutMs: number
}

/** Undefined where clients are served over HTTP/1.1 only. */
export function http2Of(values: Values, isSecure: boolean): Http2Config | undefined {
  const isPlain = !isSecure && values.LB_H2C
  const isAgreedOn = (isSecure || values.LB_PROXY_PROTOCOL) && !values.LB_NO_HTTP2
  if (!isPlain && !isAgreedOn) return undefined
  const { LB_HTTP2_MAX_STREAMS: maxStreams, LB_HTTP2_SEND_TIMEOUT: sendTimeoutMs } = values
  return { isPlain, maxStreams, sendTimeoutMs }
}

/** What is wrong with values that are each valid by itself. */
export function http2Conflicts(values: Values, needs: Needs, isSecure: boolean): void {
  needs(
    'LB_METHODS',
    values.LB_METHODS.size > 0,
    'HTTP/2: LB_TLS_CERT without LB_NO_HTTP2, or LB_H2C',
    http2Of(values, isSecure) !== undefined
  )
  const isAgreedOn = isSecure || values.LB_PROXY_PROTOCOL
  needs('LB_NO_HTTP2', values.LB_NO_HTTP2, 'LB_TLS_CERT or LB_PROXY_PROTOCOL', isAgreedOn)
  needs('LB_H2C', values.LB_H2C, 'an empty LB_TLS_CERT: over TLS it is agreed on in the handshake', !isSecure)
}
