import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError
} from '@grpc/grpc-js'
import type { Test } from 'tap'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { securePorts } from './secure-ports.js'
import { atEnd } from './test.js'

/** What a method calls: messages are bytes, whatever they mean. */
const bytes = {
  requestSerialize: (message: Buffer) => message,
  requestDeserialize: (message: Buffer) => message,
  responseSerialize: (message: Buffer) => message,
  responseDeserialize: (message: Buffer) => message
}

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  ...bytes
})

/** A service with a method of each of the four kinds. */
const ECHO = {
  unary: method('Unary', false, false),
  gather: method('Gather', true, false),
  count: method('Count', false, true),
  chat: method('Chat', true, true)
} satisfies ServiceDefinition

/** The status of a call that was not found. */
export const NOT_FOUND = 5

type Handlers = {
  unary: handleUnaryCall<Buffer, Buffer>
  gather: handleClientStreamingCall<Buffer, Buffer>
  count: handleServerStreamingCall<Buffer, Buffer>
  chat: handleBidiStreamingCall<Buffer, Buffer>
}

/** Answers a message with itself, some with their sum, a number with as many messages, and each with itself. */
const HANDLERS: Handlers = {
  unary: (call, callback) => {
    if (call.request.toString() === 'unknown') {
      callback({ code: NOT_FOUND, details: 'no such thing' })
      return
    }
    const trailers = new Metadata()
    trailers.set('x-trailer', `${call.metadata.get('x-mine')}`)
    callback(null, call.request, trailers)
  },
  gather: (call, callback) => {
    const parts: Buffer[] = []
    call.on('data', (part: Buffer) => parts.push(part))
    call.on('end', () => callback(null, Buffer.concat(parts)))
  },
  count: (call) => {
    const to = Number(call.request.toString())
    for (let i = 1; i <= to; i++) call.write(Buffer.from(`${i}`))
    call.end()
  },
  chat: (call) => {
    call.on('data', (message: Buffer) => call.write(Buffer.from(`${message}!`)))
    call.on('end', () => call.end())
  }
}

/** A server of gRPC. */
export interface GrpcServer {
  /** As `LB_BACKENDS` has it. */
  readonly address: string
  readonly port: number
  readonly server: Server
  /** Finishes the calls that it has, and takes no more. */
  shutDown(): Promise<void>
}

/**
 * @param prepare adds what it has beside the service of the tests
 * @param pair for TLS
 */
export async function grpcServer(
  t: Test,
  prepare: (server: Server) => void = () => {},
  pair?: KeyPairFiles
): Promise<GrpcServer> {
  const server = new Server()
  server.addService(ECHO, HANDLERS)
  prepare(server)
  const shown = pair && { cert_chain: readFileSync(pair.certFile), private_key: readFileSync(pair.keyFile) }
  const secured = shown ? ServerCredentials.createSsl(null, [shown]) : ServerCredentials.createInsecure()
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secured, (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  atEnd(t, () => server.forceShutdown())
  const shutDown = () =>
    new Promise<void>((resolve, reject) => {
      server.tryShutdown((error) => (error ? reject(error) : resolve()))
    })
  const address = pair ? `https://localhost:${port};h2` : `127.0.0.1:${port};h2`
  return { address, port, server, shutDown }
}

/** A client of any service, at a port of 127.0.0.1, over TLS where the balancer there speaks it. */
export function grpcClient(t: Test, port: number): Client {
  const ca = securePorts.get(port)?.ca as string | undefined
  const client = ca
    ? new Client(`localhost:${port}`, credentials.createSsl(Buffer.from(ca)))
    : new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  atEnd(t, () => client.close())
  return client
}

/** A client of that service. */
export class GrpcClient {
  readonly #client: Client

  constructor(t: Test, port: number) {
    this.#client = grpcClient(t, port)
  }

  /**
   * Resolves to the message, and what came behind it. Rejects with a `ServiceError`.
   * @param timeout a `grpc-timeout` that the client itself does not look after
   */
  unary(message: string, mine = '', timeout?: string): Promise<{ message: string; trailers: Metadata }> {
    const metadata = new Metadata()
    metadata.set('x-mine', mine)
    if (timeout !== undefined) metadata.set('grpc-timeout', timeout)
    return new Promise((resolve, reject) => {
      let trailers = new Metadata()
      const { path, requestSerialize, responseDeserialize } = ECHO.unary
      const done = (error: ServiceError | null, answer?: Buffer) => {
        // The status comes behind the message.
        if (error) reject(error)
        else setImmediate(() => resolve({ message: `${answer}`, trailers }))
      }
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.from(message),
        metadata,
        done
      )
      call.on('status', (status) => {
        trailers = status.metadata
      })
    })
  }

  async gather(...messages: string[]): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = ECHO.gather
    let call!: ClientWritableStream<Buffer>
    const answered = new Promise<string>((resolve, reject) => {
      call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        (error, answer) => (error ? reject(error) : resolve(`${answer}`))
      )
    })
    for (const message of messages) call.write(Buffer.from(message))
    call.end()
    return answered
  }

  count(to: number): ClientReadableStream<Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO.count
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(`${to}`)
    )
  }

  chat(): ClientDuplexStream<Buffer, Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO.chat
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  }

  /** Calls each method once, and tells what came of it. */
  async all(): Promise<unknown> {
    const { message, trailers } = await this.unary('hello', 'mine')
    const unknown = await this.unary('unknown').catch(({ code, details }) => [code, details])
    const gathered = await this.gather('a', 'b', 'c')
    const counted: string[] = []
    for await (const number of this.count(100)) counted.push(`${number}`)
    const chat = this.chat()
    const chatted: string[] = []
    for (const word of ['one', 'two', 'six']) {
      chat.write(Buffer.from(word))
      chatted.push(`${(await once(chat, 'data'))[0]}`)
    }
    const status = once(chat, 'status')
    chat.resume().end()
    return [
      message,
      trailers.get('x-trailer'),
      unknown,
      gathered,
      counted.length,
      chatted,
      ((await status)[0] as { code: number }).code
    ]
  }
}

/** What `all` tells where all is well. */
export const ALL_WELL = [
  'hello',
  ['mine'],
  [NOT_FOUND, 'no such thing'],
  'abc',
  100,
  ['one!', 'two!', 'six!'],
  0
]

/** Messages as they lie in a body, each behind its length. */
export function framedMessages(...messages: string[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const head = Buffer.alloc(5)
      head.writeUInt32BE(message.length, 1)
      return Buffer.concat([head, Buffer.from(message)])
    })
  )
}
