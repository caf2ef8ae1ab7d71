import type { Endpoint } from './slice.js'

/**
 * Tells which endpoints are to be used only if others cannot be: those that are not for this zone, by the hints of topology
 * aware routing or, where there are none, by their own zones. As in kube-proxy all are used alike where one of those that are
 * ready says nothing, or none is for this zone.
 */
export function outsideZone(endpoints: readonly Endpoint[], zone: string): (endpoint: Endpoint) => boolean {
  const ready = endpoints.filter(({ isTerminating }) => !isTerminating)
  const hasHints = ready.some(({ forZones }) => forZones.length > 0)
  const zonesOf = ({ forZones, zone }: Endpoint) => (hasHints ? forZones : zone === '' ? [] : [zone])
  const isLocal = (endpoint: Endpoint) => zonesOf(endpoint).includes(zone)
  const isKnown = ready.every((endpoint) => zonesOf(endpoint).length > 0)
  if (!isKnown || !ready.some(isLocal)) return () => false
  return (endpoint) => !endpoint.isTerminating && !isLocal(endpoint)
}
