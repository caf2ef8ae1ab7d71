import type { Socket } from 'node:net'

const HSTS = Symbol('hsts')

type KnownSocket = Socket & { [HSTS]?: string }

const NAME = 'Strict-Transport-Security'
/** Finds the field in the text of a head. */
const FIELD = /\nstrict-transport-security:/i

/** Adds HSTS (RFC 6797) to the responses on a connection of TLS. */
export function enableHsts(socket: Socket, seconds: number): void {
  ;(socket as KnownSocket)[HSTS] = `max-age=${seconds}`
}

/** The value of the field on a connection; undefined without HSTS. */
export function hstsValueOn(socket: Socket): string | undefined {
  return (socket as KnownSocket)[HSTS]
}

/** The line, with its CRLF, to add to a backend's response; empty without HSTS, or if the response has it already. */
export function hstsLine(socket: Socket, head: string): string {
  const value = hstsValueOn(socket)
  return value === undefined || FIELD.test(head) ? '' : `${NAME}: ${value}\r\n`
}

/** The fields of the balancer's own response, and HSTS if the connection has it and they do not. */
export function withHsts(socket: Socket, fields: readonly string[]): readonly string[] {
  const value = hstsValueOn(socket)
  return value === undefined || has(fields, NAME) ? fields : [...fields, NAME, value]
}

const has = (fields: readonly string[], name: string): boolean =>
  fields.some((text, i) => i % 2 === 0 && text.toLowerCase() === name.toLowerCase())
