import type { Env } from './processes.js'

export const TOKEN = 'a-token-of-24-characters'
export const WITH_TOKEN: Env = { LB_ADMIN_TOKEN: TOKEN }

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly etag: string
  /** What its JSON says; undefined if there is no body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any
}

interface Call {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks the API of the balancer at a port, with the token. */
export async function call(
  port: number,
  method: string,
  path: string,
  { body, headers }: Call = {}
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/__lb/api${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) })
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    etag: response.headers.get('etag') ?? '',
    json: text === '' ? undefined : JSON.parse(text)
  }
}
