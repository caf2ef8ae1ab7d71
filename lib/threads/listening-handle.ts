import { fork } from 'node:child_process'
import type { Server } from 'node:net'
import path from 'node:path'

/** Of Node: what a server listens with. */
export interface Handle {
  readonly fd: number
  close(): void
}

/** A listening socket for another thread. */
export interface Duplicate {
  readonly fd: number
  /** Closes it, if no thread has listened on it: the descriptor is closed with the thread that has. */
  close(): void
}

/** What is not closed here must not be collected either: that would close the descriptor, too. */
const kept = new Set<Handle>()

/** What Node's server has, but does not document. */
type Listening = Server & { readonly _handle: Handle | null }

/**
 * Duplicates the listening socket of a server, for another thread to listen on: what connects waits in one queue, and the
 * thread that is free first accepts it. Only a socket that was sent to another process and back has a descriptor of its own.
 */
export async function duplicateListening(server: Server): Promise<Duplicate> {
  const handle = (server as Listening)._handle
  if (!handle) throw new Error('The server does not listen')
  const child = fork(path.join(__dirname, 'handle-mirror.js'), { execArgv: [], serialization: 'json' })
  try {
    const duplicate = await new Promise<Handle>((resolve, reject) => {
      child.once('message', (_, received) => resolve(received as unknown as Handle))
      child.on('error', reject)
      child.once('exit', (code, signal) =>
        reject(new Error(`The process that returns it ended with ${signal ?? code}`))
      )
      // Without a descriptor for it there is no such process, of which an event tells.
      if (child.connected) child.send('handle', handle as never, {}, (error) => error && reject(error))
    })
    kept.add(duplicate)
    const close = () => {
      if (kept.delete(duplicate)) duplicate.close()
    }
    return { fd: duplicate.fd, close }
  } finally {
    if (child.connected) child.disconnect()
  }
}
