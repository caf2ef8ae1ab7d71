import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { EndedRequest } from '../../proxy/ended-request.js'
import type { TraceContext } from '../../proxy/request/forwarding-fields.js'

/** The trace of a request, while it is under way. */
export interface RequestTrace extends TraceContext {
  end(ended: EndedRequest): void
}

/** What gives requests their traces. */
export interface Tracing {
  /** Whether requests are recorded. */
  readonly hasSpans: boolean
  begin(req: IncomingMessage, target: string): RequestTrace
  /** Ends the span of a request whose trace began here. */
  record(ended: EndedRequest): void
  /** Exports the last spans. */
  end(): Promise<void>
}

/** A `traceparent` of a client (W3C Trace Context section 3.2). */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly flags: number
}

/** Later versions begin the same, and may add to that. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const TRACE_ID_BYTES = 16
const SPAN_ID_BYTES = 8
const SAMPLED = 1
const NOTHING: readonly string[] = []
/** The state belongs to the parent, and is replaced with it. */
const BOTH: readonly string[] = ['traceparent', 'tracestate']

/** The parent that a request names, if it names one as it should. */
export function traceParentOf({ headers }: IncomingMessage): TraceParent | undefined {
  const { traceparent } = headers
  if (typeof traceparent !== 'string') return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(traceparent) ?? []
  if (version === undefined || (version === '00' && more !== undefined)) return undefined
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}

/** The line that makes a span the parent of the backend's. */
export function traceParentLine({ traceId, spanId, flags }: TraceParent): string {
  return `traceparent: 00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}\r\n`
}

/** Starts a trace for requests that have none. Backends may record it as if it had begun with them. */
export const parentsOnly: Tracing = {
  hasSpans: false,
  begin: (req) => {
    const parent = traceParentOf(req)
    if (parent) return { traceId: parent.traceId, line: '', replaced: NOTHING, end }
    const traceId = randomHex(TRACE_ID_BYTES)
    const line = traceParentLine({ traceId, spanId: randomHex(SPAN_ID_BYTES), flags: SAMPLED })
    return { traceId, line, replaced: BOTH, end }
  },
  record: () => {},
  end: async () => {}
}

function end(): void {}

/** The context of a request that is a span itself, and so replaces the client's `traceparent`. */
export function ownContext(own: TraceParent, isContinued: boolean): TraceContext {
  return {
    traceId: own.traceId,
    line: traceParentLine(own),
    replaced: isContinued ? [BOTH[0]!] : BOTH
  }
}

const pool = Buffer.alloc(4096)
let poolUsed = pool.length

/** Random bytes in hexadecimal, from a pool: the call for them costs more than the bytes. */
function randomHex(bytes: number): string {
  if (poolUsed + bytes > pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  poolUsed += bytes
  const hex = pool.toString('hex', poolUsed - bytes, poolUsed)
  // All zeros are not valid.
  return /[^0]/.test(hex) ? hex : randomHex(bytes)
}
