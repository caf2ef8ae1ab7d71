/** A request that no backend may see, byte for byte. */
export interface Refused {
  readonly name: string
  /** Where it is said that it is wrong. */
  readonly section: string
  /** Text as latin1. */
  readonly bytes: string
  /** Status codes of which any will do. */
  readonly statuses: readonly number[]
}

/** Cases of one section, as names and bytes. */
export function refused(
  section: string,
  cases: Readonly<Record<string, string>>,
  statuses: readonly number[] = [400]
): Refused[] {
  return Object.entries(cases).map(([name, bytes]) => ({ name, section, bytes, statuses }))
}

/** A request that would be whole and right without these lines. */
export function get(...lines: string[]): string {
  return ['GET /refused HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')
}

/** The same with a body, whose framing is up to the lines. */
export function post(lines: string, body = 'hello'): string {
  return `POST /refused HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n${body}`
}

/** A name for a byte that does not show. */
export function hex(char: string): string {
  return `0x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
}

/** All control characters but tab, CR and LF, which have cases of their own. */
export const CONTROLS = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
  '\x7f'
].filter((char) => !'\t\r\n'.includes(char))
