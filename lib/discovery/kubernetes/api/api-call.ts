import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Access } from '../access/access.js'
import { ApiError } from './api-error.js'
import { errorOf } from './status.js'

/** The kernel asks after so long whether the other side is still there: a watch may be silent for long. */
const KEEP_ALIVE_MS = 10_000
const MAX_STATUS_BYTES = 65_536

/** A `GET` of the API server, over a connection of its own: `opened`, and then `json` or `chunks`. */
export class ApiCall {
  readonly #request: ClientRequest
  readonly #response: Promise<IncomingMessage>
  #timer: NodeJS.Timeout | undefined
  #cause: Error | undefined

  /**
   * @param target path and query
   * @param limitMs how long all of it may take
   */
  constructor({ url, authorization, tls }: Access, target: string, limitMs: number) {
    const headers = {
      Accept: 'application/json',
      'User-Agent': 'fairlead',
      ...(authorization === undefined ? {} : { Authorization: authorization })
    }
    const options = { agent: false as const, headers }
    this.#request = /^https:/i.test(url)
      ? https.get(url + target, { ...options, ...tls })
      : http.get(url + target, options)
    this.#request.setSocketKeepAlive(true, KEEP_ALIVE_MS)
    this.#response = new Promise((resolve, reject) => {
      this.#request.on('error', reject)
      this.#request.on('response', (response) => {
        // Whoever reads it is told of an error. It may come when nobody reads yet, or any more.
        response.on('error', () => {})
        resolve(response)
      })
    })
    this.#response.catch(() => {})
    this.#timer = setTimeout(() => this.cancel(timeout()), limitMs).unref()
  }

  /** Ends it, if it has not ended. */
  cancel(error?: Error): void {
    clearTimeout(this.#timer)
    this.#cause ??= error
    this.#request.destroy(error)
  }

  /**
   * Resolves when the API server has begun to answer what was asked.
   * @throws {ApiError} if it refuses
   */
  async opened(): Promise<void> {
    try {
      const response = await this.#response
      if (response.statusCode !== 200) throw await refusal(response)
    } catch (error) {
      this.cancel()
      throw this.#cause ?? error
    }
  }

  /**
   * The whole body, as JSON.
   * @throws {ApiError} if it is too long or no JSON
   */
  async json(maxBytes: number): Promise<unknown> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.chunks()) {
      size += chunk.length
      if (size > maxBytes) throw new ApiError(`sent more than ${maxBytes} bytes at once`, 0)
      chunks.push(chunk)
    }
    return parseJson(Buffer.concat(chunks).toString())
  }

  /** The body as it comes. */
  async *chunks(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of await this.#response) yield chunk
    } catch (error) {
      throw this.#cause ?? error
    } finally {
      this.cancel()
    }
  }
}

/** @throws {ApiError} */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError('sent what is no JSON', 0)
  }
}

/** Why an answer is not the one that was asked for. */
async function refusal(response: IncomingMessage): Promise<ApiError> {
  const { statusCode = 0, headers } = response
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    if (text.length > MAX_STATUS_BYTES) break
  }
  let status: unknown
  try {
    status = JSON.parse(text)
  } catch {
    // A proxy in between may have answered.
  }
  const { message, retryAfterMs } = errorOf(status, statusCode, headers['retry-after'])
  // What the response says counts, whatever stands in it.
  return new ApiError(message, statusCode, retryAfterMs)
}

function timeout(): Error {
  const error = new Error('no answer in time')
  error.name = 'TimeoutError'
  return error
}
