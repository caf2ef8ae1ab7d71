import type { Socket } from 'node:net'

const HSTS = Symbol('hsts')

type KnownSocket = Socket & { [HSTS]?: string }

const NAME = 'Strict-Transport-Security'
/** In a head of which each line has its CRLF. */
const FIELD = /\nstrict-transport-security:/i

/** Has the responses on a connection of TLS say that browsers are to use nothing else. */
export function enableHsts(socket: Socket, seconds: number): void {
  ;(socket as KnownSocket)[HSTS] = `max-age=${seconds}`
}

/** What the responses on a connection say of that, or undefined if they say nothing. */
export function hstsValueOn(socket: Socket): string | undefined {
  return (socket as KnownSocket)[HSTS]
}

/** The line, with its CRLF, that a backend's response needs to say it; empty if it says nothing, or does so itself. */
export function hstsLine(socket: Socket, head: string): string {
  const value = hstsValueOn(socket)
  return value === undefined || FIELD.test(head) ? '' : `${NAME}: ${value}\r\n`
}

/** Fields of the balancer's own response, with those that the connection wants. */
export function withHsts(socket: Socket, fields: readonly string[]): readonly string[] {
  const value = hstsValueOn(socket)
  return value === undefined ? fields : [...fields, NAME, value]
}
