import { isSuccessor, takeHandedSockets } from '../lib/service/handed-sockets.js'
import { ListeningSockets } from '../lib/service/listening-sockets.js'
import { Predecessor } from '../lib/service/predecessor.js'

/** The process that has started this one to take over from it; undefined if there is none. */
export const predecessor = isSuccessor(process) ? new Predecessor(process) : undefined

/**
 * The sockets that were handed to this process, by that one or by systemd.
 * @throws where they are no sockets, or it is not clear what for
 */
export const takeSockets = (): ListeningSockets =>
  new ListeningSockets(takeHandedSockets(process.env, process.pid, predecessor !== undefined))
