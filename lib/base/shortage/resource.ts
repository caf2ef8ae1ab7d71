import { closeSync, openSync } from 'node:fs'
import { networkErrorCode } from '../network-error.js'

/** What this machine may have too little of, for a new connection or file. */
export const RESOURCES = ['descriptors', 'ports', 'memory'] as const
export type Resource = (typeof RESOURCES)[number]

const RESOURCE_OF: Readonly<Record<string, Resource>> = {
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  EADDRNOTAVAIL: 'ports',
  ENOBUFS: 'memory',
  ENOMEM: 'memory'
}
/** What the system's resolver says, too, when it can open neither its files nor a socket. */
const NAME_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_SYSTEM', 'EAI_NODATA'])

/** What was missing here when something failed; undefined if it is not this machine's fault. */
export function missingResource(error: unknown): Resource | undefined {
  const code = networkErrorCode(error)
  return RESOURCE_OF[code] ?? (NAME_CODES.has(code) && !canOpenFiles() ? 'descriptors' : undefined)
}

/** Whether a file can be opened at this moment, or it is for want of descriptors that none can. */
export function canOpenFiles(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
  } catch (error) {
    return RESOURCE_OF[networkErrorCode(error)] === undefined
  }
  return true
}

/** An error of the system's resolver, or that there is no file descriptor to ask with, where that is the reason. */
export function outOfDescriptors(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  const { code, syscall } = error
  if (code === 'EMFILE' || missingResource(error) !== 'descriptors') return error
  return Object.assign(new Error(`${syscall} EMFILE`), { code: 'EMFILE', syscall })
}
