/** An EndpointSlice (`discovery.k8s.io/v1`) as the API has it. */
export interface EndpointSlice {
  readonly apiVersion: 'discovery.k8s.io/v1'
  readonly kind: 'EndpointSlice'
  metadata: {
    name: string
    namespace: string
    uid: string
    resourceVersion: string
    generation: number
    creationTimestamp: string
    labels: Record<string, string>
  }
  addressType: string
  endpoints: readonly object[] | null
  ports: readonly object[] | null
}

/** What differs between slices. */
export interface SliceGiven {
  readonly name: string
  readonly namespace?: string
  readonly service?: string
  readonly addressType?: string
  readonly endpoints?: readonly object[] | null
  readonly ports?: readonly object[] | null
}

const CREATED = '2026-01-01T00:00:00Z'

/** A slice of a service, of which the server says the rest. */
export function slice({
  name,
  namespace = 'shop',
  service = 'web',
  addressType = 'IPv4',
  endpoints = [],
  ports = [{ name: 'http', protocol: 'TCP', port: 8080 }]
}: SliceGiven): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace,
      uid: `uid-of-${name}`,
      resourceVersion: '',
      generation: 1,
      creationTimestamp: CREATED,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io'
      }
    },
    addressType,
    endpoints,
    ports
  }
}

/** A state that a pod passes through. */
export type PodState = 'ready' | 'starting' | 'terminating' | 'stopped'

const CONDITIONS: Readonly<Record<PodState, object>> = {
  ready: { ready: true, serving: true, terminating: false },
  starting: { ready: false, serving: false, terminating: false },
  terminating: { ready: false, serving: true, terminating: true },
  stopped: { ready: false, serving: false, terminating: true }
}

/** An endpoint as the endpoint slice controller writes it for a pod. */
export function endpoint(address: string, state: PodState = 'ready', more: object = {}): object {
  return {
    addresses: [address],
    conditions: CONDITIONS[state],
    nodeName: 'node-1',
    targetRef: { kind: 'Pod', namespace: 'shop', name: `web-${address}`, uid: `uid-of-${address}` },
    ...more
  }
}
