import type { EndpointSlice } from './slices.js'
import type { Store } from './store.js'

/** Whether an object is in a namespace, if one is given, and has the labels of a selector such as `a=b,c=d`. */
export function isSelected(
  { metadata }: EndpointSlice,
  namespace: string | undefined,
  selector: string | null
): boolean {
  const labels = (selector ?? '').split(',').filter(Boolean)
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    labels.every((label) => metadata.labels[label.split('=', 1)[0]!] === label.split('=')[1])
  )
}

/** A list as it was begun, of which parts are still to come. */
interface Rest {
  readonly version: number
  readonly items: readonly EndpointSlice[]
}

const restsOf = new WeakMap<Store, Map<string, Rest>>()

/** Forgets the lists that were begun, as the API does after some minutes. */
export function expireLists(store: Store): void {
  restsOf.delete(store)
}

/** A list, or the part of one that is asked for; undefined if that is not known any more. */
export function listOf(
  store: Store,
  namespace: string | undefined,
  query: URLSearchParams
): object | undefined {
  const rests = restsOf.get(store) ?? new Map<string, Rest>()
  restsOf.set(store, rests)
  const token = query.get('continue')
  const selected = () =>
    store.all.filter((object) => isSelected(object, namespace, query.get('labelSelector')))
  const begun = token ? rests.get(token) : { version: store.version, items: selected() }
  if (!begun) return undefined
  const { version, items } = begun
  const limit = Number(query.get('limit') ?? 0) || items.length
  const rest = items.slice(limit)
  const next = rest.length > 0 ? `next-${rests.size + 1}/+=` : ''
  if (next !== '') rests.set(next, { version, items: rest })
  return {
    kind: 'EndpointSliceList',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      resourceVersion: `${version}`,
      ...(next === '' ? {} : { continue: next, remainingItemCount: rest.length })
    },
    // Items of a list have neither.
    items: items.slice(0, limit).map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item)
  }
}
