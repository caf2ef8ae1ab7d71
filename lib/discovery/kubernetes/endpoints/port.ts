import type { Port } from './slice.js'

/**
 * The number of a port that endpoints have, or undefined if it is not among these.
 * @param wanted a name or a number; undefined for the only one
 */
export function portNumber(ports: readonly Port[], wanted: string | number | undefined): number | undefined {
  const tcp = ports.filter(({ protocol }) => protocol === 'TCP')
  // One without a number stands for all.
  if (typeof wanted === 'number')
    return tcp.some(({ port }) => (port ?? wanted) === wanted) ? wanted : undefined
  if (wanted !== undefined) return tcp.find(({ name }) => name === wanted)?.port ?? undefined
  return tcp.length === 1 ? (tcp[0]!.port ?? undefined) : undefined
}

/** Ports, for people. */
export function describePorts(ports: readonly Port[]): string {
  const texts = ports.map(({ name, port, protocol }) => {
    const number = `${port ?? 'any'}${protocol === 'TCP' ? '' : `/${protocol}`}`
    return name === '' ? number : `${name} (${number})`
  })
  return texts.length > 0 ? [...new Set(texts)].join(', ') : 'none'
}
