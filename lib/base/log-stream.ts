/** The stream of a pino logger: sonic-boom. */
interface LogStream {
  sync?: boolean
}

/**
 * Makes a pino logger write synchronously, for a process that is about to exit: lines that are still queued then would
 * be written out of order, and sonic-boom would retry for ever if their reader has gone.
 */
export function writeSynchronously(logger: object): void {
  const key = Object.getOwnPropertySymbols(logger).find(({ description }) => description === 'pino.stream')
  const stream = key && (logger as Record<symbol, LogStream>)[key]
  if (stream && 'sync' in stream) stream.sync = true
}
