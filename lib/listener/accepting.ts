import type { Server, Socket } from 'node:net'
import type { DescriptorLimit } from '../base/shortage/descriptor-limit.js'
import { missingResource } from '../base/shortage/resource.js'
import type { Shortages } from '../base/shortage/shortages.js'

/** Internals of Node's sockets, the same in versions 20 to 26. */
interface Internals {
  readonly _handle?: { readonly fd?: number } | null
}

/**
 * Whether a connection that was just accepted uses one of the reserved file descriptors; then it is counted as a
 * shortage. With no descriptor left, libuv would accept and close connections silently.
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
 * Keeps a server running when it cannot accept a connection, which Node reports as an error of the server if libuv has
 * not even a descriptor left to refuse it with.
 */
export function surviveAcceptErrors(server: Server, shortages: Shortages): void {
  server.on('error', (error: NodeJS.ErrnoException) => {
    const resource = error.syscall === 'accept' ? missingResource(error) : undefined
    if (resource) shortages.record(resource, 'clients')
    // Left to the other listeners; without any, it is thrown as it would be without this one.
    else if (server.listenerCount('error') === 1) throw error
  })
}
