import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { withoutFinalDot } from '../dns-name.js'

/** Avoids fragments on every path: the size that resolvers agreed on at the DNS Flag Day of 2020. */
const UDP_PAYLOAD = 1232
const HEADER_BYTES = 12
/** A pointer that leads to a pointer again and again makes decoding a message of 64 KiB take most of a second. */
const MAX_POINTER_CHAIN = 16
/** RFC 2181 section 8: a TTL with the highest bit set counts as 0. */
const MAX_TTL_S = 0x7fff_ffff

/** What a server is asked. */
export interface Question {
  /** Complete, without a final dot. */
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'SRV'
}

/** A service as a record has it. */
export interface Service {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Without a final dot; empty for none. */
  readonly target: string
}

/** A record of a type that is used here. Names are in lower case, without a final dot. */
export type ResourceRecord = { readonly name: string; readonly ttlS: number } & (
  | { readonly type: 'A' | 'AAAA' | 'CNAME'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: Service }
)

/** What a server has replied. */
export interface Reply {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on. */
  readonly code: string
  readonly answers: readonly ResourceRecord[]
  readonly additionals: readonly ResourceRecord[]
}

/**
 * A query in the wire format.
 * @param isExtended with EDNS (RFC 6891), which a few old servers refuse
 */
export function encodeQuery({ name, type }: Question, id: number, isExtended: boolean): Buffer {
  const edns = { type: 'OPT', name: '.', udpPayloadSize: UDP_PAYLOAD } as Answer
  const additionals = isExtended ? [edns] : []
  return encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type }], additionals })
}

/** Whether a message is a response with this id, before more of it is looked at. */
export function isResponse(message: Buffer, id: number): boolean {
  return message.length >= HEADER_BYTES && message.readUInt16BE(0) === id && (message[2]! & 0xf8) === 0x80
}

/** Whether a response says that it is not complete; what it has may be cut anywhere. */
export const isTruncated = (response: Buffer): boolean => (response[2]! & 0x02) !== 0

/** Reads a response. Calls `fault` if it is malformed, or the response to another question. */
export function readReply(
  message: Buffer,
  question: Question,
  fault: (reason: string) => void
): Reply | undefined {
  const packet = hasPointerChain(message) ? undefined : decoded(message)
  if (!packet) {
    fault('malformed reply')
    return undefined
  }
  const { questions = [], answers = [], additionals = [] } = packet
  const code = codeOf(packet)
  const [asked] = questions
  const isForIt =
    questions.length === 1 &&
    asked!.type === question.type &&
    asked!.class === 'IN' &&
    canonical(asked!.name) === canonical(question.name)
  // Who refuses may leave the question out.
  const isRefusal = code !== 'NOERROR' && code !== 'NXDOMAIN' && questions.length === 0
  if (isForIt || isRefusal)
    return { code, answers: answers.flatMap(recordOf), additionals: additionals.flatMap(recordOf) }
  fault('reply to another question')
  return undefined
}

/** A name as names are compared. */
export const canonical = (name: string): string => withoutFinalDot(name).toLowerCase()

function decoded(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message)
  } catch {
    return undefined
  }
}

/** With the part of the code that EDNS has. */
function codeOf(packet: DecodedPacket): string {
  // Its types do not have it.
  const { rcode = '', additionals = [] } = packet as DecodedPacket & { rcode?: string }
  const { extendedRcode = 0 } =
    (additionals.find(({ type }) => type === 'OPT') as { extendedRcode?: number }) ?? {}
  return extendedRcode > 0 ? `extended error ${extendedRcode << 4}` : rcode
}

function recordOf(answer: Answer): ResourceRecord[] {
  if (answer.type === 'OPT' || answer.class !== 'IN') return []
  const given = answer.ttl ?? 0
  const common = { name: canonical(answer.name), ttlS: given > MAX_TTL_S ? 0 : given }
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return [{ ...common, type: answer.type, data: answer.data }]
    case 'CNAME':
      return [{ ...common, type: answer.type, data: canonical(answer.data) }]
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data
      return [{ ...common, type: 'SRV', data: { priority, weight, port, target: canonical(target) } }]
    }
    default:
      return []
  }
}

function hasPointerChain(message: Buffer): boolean {
  const lengths = new Uint8Array(message.length)
  for (let at = HEADER_BYTES; at + 1 < message.length; at++) {
    if (message[at]! < 0xc0) continue
    const target = message.readUInt16BE(at) & 0x3fff
    if (target >= at) continue
    lengths[at] = lengths[target]! + 1
    if (lengths[at]! > MAX_POINTER_CHAIN) return true
  }
  return false
}
