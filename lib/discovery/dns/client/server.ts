import { addressOf, parseOrigin } from '../../../transport/origin.js'

/** A server of DNS. */
export interface Server {
  /** An IP address. */
  readonly hostname: string
  readonly port: number
  /** Both as text. */
  readonly address: string
}

export function serverAt(hostname: string, port: number): Server {
  return { hostname, port, address: addressOf({ protocol: 'http:', hostname, port }) }
}

/** A server as the configuration has it, which has been checked. */
export function parseServer(text: string): Server {
  const { hostname, port } = parseOrigin(text, () => {})!
  return serverAt(hostname, port)
}
