import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { isGrpcHead } from '../base/grpc/call.js'
import { decodeMessage, GrpcStatus, statusName } from '../base/grpc/status.js'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import { BrokenMessage, frameMessage, MessageReader } from './grpc/message-reader.js'
import { healthRequest, SERVING_STATUSES, servingStatusOf } from './grpc/messages.js'

const MAX_MESSAGE_BYTES = 4096
const MAX_SHOWN = 120
const STATUS_LINE = /^grpc-status:[ \t]*(\d+)/im
const MESSAGE_LINE = /^grpc-message:[ \t]*(.*?)\r$/im

/** How a call ended, or what a server said of its health meanwhile. */
export interface HealthAnswer {
  readonly ok: boolean
  /** In a few words, for log and statistics. */
  readonly result: string
  /** The call ended without an error. */
  readonly isOk?: boolean
  /** The server has said how it is. */
  readonly hasHealthStatus?: boolean
  /** It does not know the method that was called. */
  readonly isUnimplemented?: boolean
}

/** What is told of a call. */
export interface HealthCallOwner {
  /** The server has said how it is. */
  onStatus(answer: HealthAnswer): void
  /** The call is over, with this if it has not said how it is. */
  onEnd(answer: HealthAnswer): void
  /** There will be nothing more. */
  onError(error: Error): void
}

/** The request of a call of `grpc.health.v1.Health` for a service. */
export function healthCallRequest(head: string, service: string): OutgoingRequest {
  const body = new IncomingMessage(new Socket())
  body.push(frameMessage(healthRequest(service)))
  body.push(null)
  body.complete = true
  return { method: 'POST', head, body, replayable: false }
}

/** Takes the response to a call of `grpc.health.v1.Health`. */
export class HealthCall implements ResponseHandler {
  aborted = false
  connection: BackendStream | undefined
  readonly #owner: HealthCallOwner
  readonly #messages = new MessageReader(MAX_MESSAGE_BYTES, (message) => this.#onMessage(message))
  #head: ResponseHead | undefined

  constructor(owner: HealthCallOwner) {
    this.#owner = owner
  }

  onSending(connection: BackendStream): void {
    this.connection = connection
  }

  onSent(): void {}

  onBodySent(): void {}

  onInterim(): void {}

  onReadEnd(): void {}

  onHead(head: ResponseHead): void {
    this.#head = head
  }

  onData(chunk: Buffer): void {
    if (!isOfGrpc(this.#head!)) return
    try {
      this.#messages.push(chunk)
    } catch (error) {
      if (!(error instanceof BrokenMessage)) throw error
      this.connection!.fail(error)
    }
  }

  onEnd(trailers: readonly string[]): void {
    const head = this.#head!
    if (!isOfGrpc(head)) {
      // What is no server of gRPC does not know the method either.
      this.#owner.onEnd({ ok: false, result: `status ${head.statusCode}, no gRPC`, isUnimplemented: true })
      return
    }
    const text = head.text + trailers.map((part, i) => (i % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('')
    this.#owner.onEnd(endOf(Number(STATUS_LINE.exec(text)?.[1] ?? -1), MESSAGE_LINE.exec(text)?.[1] ?? ''))
  }

  onError(error: Error): void {
    this.#owner.onError(error)
  }

  #onMessage(message: Buffer): void {
    const status = servingStatusOf(message)
    const name = SERVING_STATUSES[status] ?? `status ${status}`
    this.#owner.onStatus({ ok: name === 'SERVING', result: `gRPC ${name}`, hasHealthStatus: true })
  }
}

const isOfGrpc = ({ statusCode, text }: ResponseHead) => statusCode === 200 && isGrpcHead(text)

/** What the end of a call says, where nothing was said before it. */
function endOf(status: number, message: string): HealthAnswer {
  if (status < 0) return { ok: false, result: 'gRPC without a status' }
  if (status === 0) return { ok: false, isOk: true, result: 'gRPC OK, but nothing of its health' }
  const isUnimplemented = status === GrpcStatus.unimplemented
  const why = decodeMessage(message).replace(/[^\x20-\x7e]/g, '?')
  const shown = why.length > MAX_SHOWN ? `${why.slice(0, MAX_SHOWN)}...` : why
  const said = shown === '' ? '' : ` (${shown})`
  const result = `gRPC ${statusName(status)}${isUnimplemented ? ', no grpc.health.v1.Health there' : ''}${said}`
  return { ok: false, result, isUnimplemented }
}
