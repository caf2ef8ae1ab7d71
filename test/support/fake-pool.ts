import type { SharedCells } from '../../lib/base/cells/shared-cells.js'
import { Registry } from '../../lib/pool/registry.js'
import type { RegistryOptions } from '../../lib/pool/registry-options.js'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../../lib/transport/backend-stream.js'
import { parseResponseHead, type ResponseHead } from '../../lib/transport/http1/response-head.js'
import { backendConfigs } from './registry.js'

/** A request that was dispatched to a backend, and the backend's side of it: the test says what comes. */
export class Dispatched implements BackendStream {
  isReused = false
  readsBulk = false
  readonly tunnel = undefined
  /** What was asked of the stream, in order. */
  readonly calls: string[] = []

  constructor(
    readonly address: string,
    readonly request: OutgoingRequest,
    readonly handler: ResponseHandler
  ) {}

  /** The request is written. */
  send(): this {
    this.handler.onSending(this)
    this.handler.onSent()
    return this
  }

  /** A whole response comes. */
  answer(status: number, body = ''): void {
    this.head(status, body.length)
    if (body) this.handler.onData(Buffer.from(body))
    this.handler.onEnd([])
  }

  head(status: number, contentLength: number): void {
    this.handler.onHead(headOf(status, contentLength))
  }

  /** @param code of the error, as Node has it */
  break(code: string): void {
    this.handler.onError(Object.assign(new Error(code), { code }))
  }

  get isDestroyed(): boolean {
    return this.calls.includes('destroy')
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }

  destroy(): void {
    this.calls.push('destroy')
  }

  fail(error: Error): void {
    this.handler.onError(error)
  }
}

export function headOf(status: number, contentLength: number): ResponseHead {
  return parseResponseHead(`HTTP/1.1 ${status} x\r\nContent-Length: ${contentLength}\r\n`)
}

/** A registry whose backends answer as the test says. */
export function fakePool(text: string, cells?: SharedCells, predecessor?: Registry) {
  const dispatched: Dispatched[] = []
  const configs = backendConfigs(text)
  const following = { ids: [...configs.keys()], reportFailure() {} }
  const options: RegistryOptions = {
    initialState: 'healthy',
    ...(cells && { cells, following: cells.isOwner ? undefined : following }),
    createPool: ({ address }) => ({
      dispatch: (request, handler) => dispatched.push(new Dispatched(address, request, handler)),
      close: async () => {},
      destroy: async () => {}
    })
  }
  const registry = new Registry(configs, options, predecessor)
  return { registry, dispatched }
}
