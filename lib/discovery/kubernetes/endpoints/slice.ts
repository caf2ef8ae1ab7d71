import * as v from 'valibot'

/** The label by which a slice names its service. */
export const SERVICE_LABEL = 'kubernetes.io/service-name'

const condition = v.nullish(v.boolean())

const endpointShape = v.object({
  addresses: v.pipe(v.array(v.string()), v.minLength(1)),
  conditions: v.nullish(v.object({ ready: condition, serving: condition, terminating: condition })),
  zone: v.nullish(v.string()),
  hints: v.nullish(v.object({ forZones: v.nullish(v.array(v.object({ name: v.string() })), []) }))
})

const portShape = v.object({
  name: v.nullish(v.string(), ''),
  protocol: v.nullish(v.string(), 'TCP'),
  port: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)))
})

const sliceShape = v.object({
  metadata: v.object({ labels: v.nullish(v.record(v.string(), v.string()), {}) }),
  addressType: v.string(),
  endpoints: v.nullish(v.array(v.unknown()), []),
  ports: v.nullish(v.array(portShape), [])
})

const ADDRESS_TYPES = ['IPv4', 'IPv6', 'FQDN'] as const
export type AddressType = (typeof ADDRESS_TYPES)[number]

/** A port of all endpoints of a slice; without a number it is any. */
export type Port = v.InferOutput<typeof portShape>

/** An endpoint that may be used. */
export interface Endpoint {
  /** Where several are given, they are of the same endpoint, and the first is as good as any. */
  readonly address: string
  /** It is about to end, and still serves. */
  readonly isTerminating: boolean
  /** Empty if it is not known. */
  readonly zone: string
  /** The zones that are to use it; empty if nothing is said of that. */
  readonly forZones: readonly string[]
}

/** What is used of an EndpointSlice (`discovery.k8s.io/v1`). */
export interface Slice {
  readonly addressType: AddressType
  readonly ports: readonly Port[]
  readonly endpoints: readonly Endpoint[]
}

type Fault = (message: string) => void

/**
 * Reads a slice. Calls `fault` for what is wrong in it, and leaves that out.
 * @param before what it was; it stays so if it cannot be read
 * @returns undefined if it is none of this service
 */
export function readSlice(object: unknown, service: string, fault: Fault, before?: Slice): Slice | undefined {
  const slice = v.safeParse(sliceShape, object)
  if (!slice.success) {
    fault(`an EndpointSlice cannot be read: ${v.getDotPath(slice.issues[0]) ?? 'it'} is wrong`)
    return before
  }
  const { metadata, addressType, endpoints, ports } = slice.output
  if (metadata.labels[SERVICE_LABEL] !== service) return undefined
  const known = ADDRESS_TYPES.find((type) => type === addressType)
  if (!known) {
    fault(`EndpointSlices with addresses of type ${addressType} are not used`)
    return undefined
  }
  return { addressType: known, ports, endpoints: endpoints.flatMap((one) => readEndpoint(one, fault) ?? []) }
}

/** Only those that serve. What is not said means: ready, serving, not terminating. */
function readEndpoint(value: unknown, fault: Fault): Endpoint | undefined {
  const endpoint = v.safeParse(endpointShape, value)
  if (!endpoint.success) {
    fault(`an endpoint is not used: ${v.getDotPath(endpoint.issues[0]) ?? 'it'} is wrong`)
    return undefined
  }
  const { addresses, conditions, zone, hints } = endpoint.output
  const isReady = conditions?.ready ?? true
  const isTerminating = !isReady && (conditions?.terminating ?? false) && (conditions?.serving ?? true)
  if (!isReady && !isTerminating) return undefined
  const forZones = (hints?.forZones ?? []).map(({ name }) => name)
  return { address: addresses[0]!, isTerminating, zone: zone ?? '', forZones }
}
