import {
  type Client,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type Server,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject
} from '@grpc/grpc-js'

/** What a call of the service asks for, in place of the protobuf messages of the original. */
export interface Asked {
  /** Bytes of each message to send back. */
  readonly sizes?: readonly number[]
  /** How the call is to end. */
  readonly status?: { readonly code: number; readonly details: string }
}

const END_OF_ASKED = 0x0a

/** A message: what it asks for, and so many bytes of payload. */
export function message(asked: Asked, payloadBytes = 0): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(asked)}\n`), Buffer.alloc(payloadBytes)])
}

function read(bytes: Buffer): { readonly asked: Asked; readonly payloadBytes: number } {
  const end = bytes.indexOf(END_OF_ASKED)
  return { asked: JSON.parse(`${bytes.subarray(0, end)}`), payloadBytes: bytes.length - end - 1 }
}

/** Metadata that the server sends back: in front of its messages, and, in binary, behind them. */
export const ECHOED = 'x-grpc-test-echo-initial'
export const ECHOED_BEHIND = 'x-grpc-test-echo-trailing-bin'

const asIs = (bytes: Buffer) => bytes
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/grpc.testing.TestService/${name}`,
  requestStream,
  responseStream,
  ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs }
})

/** The service that the interoperability tests of gRPC call. */
export const TEST_SERVICE = {
  empty: method('EmptyCall', false, false),
  unary: method('UnaryCall', false, false),
  input: method('StreamingInputCall', true, false),
  output: method('StreamingOutputCall', false, true),
  fullDuplex: method('FullDuplexCall', true, true)
} satisfies ServiceDefinition

/** What the server has noticed. */
export interface Noticed {
  /** Calls that have begun. */
  begun: number
  /** Calls that were canceled. */
  cancelled: number
}

/** Has a server serve the service. */
export function serveInterop(server: Server, noticed: Noticed): void {
  const begin = (call: { on(event: 'cancelled', listener: () => void): unknown }) => {
    noticed.begun++
    call.on('cancelled', () => noticed.cancelled++)
  }
  const empty: handleUnaryCall<Buffer, Buffer> = (_call, done) => done(null, Buffer.alloc(0))
  const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    const { sizes = [], status } = read(call.request).asked
    const { first, behind } = echoOf(call.metadata)
    if (first) call.sendMetadata(first)
    if (status) done({ ...status, metadata: behind })
    else done(null, Buffer.alloc(sizes[0] ?? 0), behind)
  }
  const input: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
    begin(call)
    let total = 0
    call.on('data', (bytes: Buffer) => {
      total += read(bytes).payloadBytes
    })
    call.on('end', () => done(null, Buffer.from(`${total}`)))
  }
  const output: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    for (const size of read(call.request).asked.sizes ?? []) call.write(Buffer.alloc(size))
    call.end()
  }
  const fullDuplex: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    begin(call)
    const { first, behind } = echoOf(call.metadata)
    if (first) call.sendMetadata(first)
    call.on('data', (bytes: Buffer) => {
      const { sizes = [], status } = read(bytes).asked
      for (const size of sizes) call.write(Buffer.alloc(size))
      if (status) call.emit('error', { ...status, metadata: behind })
    })
    call.on('end', () => call.end(behind))
  }
  server.addService(TEST_SERVICE, { empty, unary, input, output, fullDuplex })
}

/** What of a call's metadata is sent back. */
function echoOf(metadata: Metadata): { readonly first: Metadata | undefined; readonly behind: Metadata } {
  const [initial] = metadata.get(ECHOED)
  const [trailing] = metadata.get(ECHOED_BEHIND)
  const first = initial === undefined ? undefined : new Metadata()
  first?.set(ECHOED, initial!)
  const behind = new Metadata()
  if (trailing !== undefined) behind.set(ECHOED_BEHIND, trailing)
  return { first, behind }
}

/** How a call went. */
export interface Outcome {
  readonly code: number
  readonly details: string
  /** Bytes of each message that came back; that of a stream of requests says how many it was sent. */
  readonly sizes: readonly number[]
  readonly text: string
  readonly first: Metadata
  readonly behind: Metadata
}

/** Calls a method with one message, and waits for its end. */
export function callOnce(
  client: Client,
  { path }: { readonly path: string },
  request: Buffer,
  metadata = new Metadata()
): Promise<Outcome> {
  let answer: Buffer | undefined
  const call = client.makeUnaryRequest(
    path,
    asIs,
    asIs,
    request,
    metadata,
    (_error: ServiceError | null, bytes?: Buffer) => {
      answer = bytes
    }
  )
  return outcomeOf(call, () => (answer ? [answer] : []))
}

interface Call {
  on(event: 'metadata', listener: (metadata: Metadata) => void): unknown
  on(event: 'status', listener: (status: StatusObject) => void): unknown
}

/** Waits for the end of a call. */
export function outcomeOf(call: Call, messages: () => readonly Buffer[]): Promise<Outcome> {
  let first = new Metadata()
  call.on('metadata', (metadata) => {
    first = metadata
  })
  return new Promise((resolve) => {
    call.on('status', ({ code, details, metadata: behind }) => {
      // The message of a call with one answer is told behind its status.
      setImmediate(() => {
        const sizes = messages().map(({ length }) => length)
        resolve({ code, details, sizes, text: `${messages()[0] ?? ''}`, first, behind })
      })
    })
  })
}

/** Collects what comes of a stream. */
export function collect(stream: NodeJS.ReadableStream): Buffer[] {
  const messages: Buffer[] = []
  stream.on('data', (bytes: Buffer) => messages.push(bytes)).on('error', () => {})
  return messages
}
