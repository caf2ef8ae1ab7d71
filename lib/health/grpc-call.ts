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

/** How a call ended, or which health status the server sent before that. */
export interface HealthAnswer {
  readonly ok: boolean
  /** In a few words, for logs and statistics. */
  readonly result: string
  /** The call ended with the status OK. */
  readonly isOk?: boolean
  /** It is a health status that the server sent. */
  readonly hasHealthStatus?: boolean
  /** The server does not have the method that was called. */
  readonly isUnimplemented?: boolean
}

/** Is told of the messages and the end of a call. */
export interface HealthCallOwner {
  /** The server sent a health status. */
  onStatus(answer: HealthAnswer): void
  /** The call has ended; the answer counts if no health status came before. */
  onEnd(answer: HealthAnswer): void
  /** The call failed; nothing more will come. */
  onError(error: Error): void
}

/** The request of a call of `grpc.health.v1.Health`. */
export function healthCallRequest(head: string, service: string): OutgoingRequest {
  const body = new IncomingMessage(new Socket())
  body.push(frameMessage(healthRequest(service)))
  body.push(null)
  body.complete = true
  return { method: 'POST', head, body, replayable: false }
}

/** Reads the response to a call of `grpc.health.v1.Health`. */
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
      // A server that speaks no gRPC does not have the method either.
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

/** What the end of a call means where no health status came before it. */
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
