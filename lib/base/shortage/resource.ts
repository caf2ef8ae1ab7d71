import { closeSync, openSync } from 'node:fs'
import { networkErrorCode } from '../network-error.js'

/** What this machine may run out of when it opens a connection or file. */
export const RESOURCES = ['descriptors', 'ports', 'memory'] as const
export type Resource = (typeof RESOURCES)[number]

const RESOURCE_OF: Readonly<Record<string, Resource>> = {
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  EADDRNOTAVAIL: 'ports',
  ENOBUFS: 'memory',
  ENOMEM: 'memory'
}
/** What the system's resolver also reports when it can open neither its files nor a socket. */
const NAME_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_SYSTEM', 'EAI_NODATA'])

/** The resource whose exhaustion on this machine caused an error; undefined if none did. */
export function missingResource(error: unknown): Resource | undefined {
  const code = networkErrorCode(error)
  return RESOURCE_OF[code] ?? (NAME_CODES.has(code) && !canOpenFiles() ? 'descriptors' : undefined)
}

/** False while no file can be opened, for lack of descriptors. */
export function canOpenFiles(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
  } catch (error) {
    return RESOURCE_OF[networkErrorCode(error)] === undefined
  }
  return true
}

/** An error of the system's resolver; as `EMFILE` if it was caused by a lack of descriptors. */
export function outOfDescriptors(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  const { code, syscall } = error
  if (code === 'EMFILE' || missingResource(error) !== 'descriptors') return error
  return Object.assign(new Error(`${syscall} EMFILE`), { code: 'EMFILE', syscall })
}
