import type { Server, Socket } from 'node:net'
import type { DescriptorLimit } from '../base/shortage/descriptor-limit.js'
import { missingResource } from '../base/shortage/resource.js'
import type { Shortages } from '../base/shortage/shortages.js'

/** What a socket of Node has within, the same in all versions from 20 to 26. */
interface Internals {
  readonly _handle?: { readonly fd?: number } | null
}

/**
 * Whether a connection that was just accepted is one too many for the file descriptors that there are: it is then
 * counted. Without descriptors left, libuv would accept and close connections without a word.
 */
export function exceedsDescriptorLimit(
  socket: Socket,
  limit: DescriptorLimit,
  shortages: Shortages
): boolean {
  if (!limit.isReserved((socket as Internals)._handle?.fd ?? -1)) return false
  shortages.record('descriptors', 'clients')
  return true
}

/**
 * Has a server go on when a connection cannot be accepted, which Node tells as an error of the server where libuv has
 * not even a descriptor left to refuse it with.
 */
export function surviveAcceptErrors(server: Server, shortages: Shortages): void {
  server.on('error', (error: NodeJS.ErrnoException) => {
    const resource = error.syscall === 'accept' ? missingResource(error) : undefined
    if (resource) shortages.record(resource, 'clients')
    // Whoever else listens knows what to do about it; where nobody does, it is as if nobody listened.
    else if (server.listenerCount('error') === 1) throw error
  })
}
