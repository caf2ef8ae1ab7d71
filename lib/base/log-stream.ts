/** What pino writes to: sonic-boom, which has one property more than a stream. */
interface LogStream {
  sync?: boolean
}

/**
 * Has a logger of pino write each line before it goes on, as suits a process that is about to end: what is queued at
 * its end would come out of order, and sonic-boom would try for ever to write it to a reader that has gone.
 */
export function writeSynchronously(logger: object): void {
  const key = Object.getOwnPropertySymbols(logger).find(({ description }) => description === 'pino.stream')
  const stream = key && (logger as Record<symbol, LogStream>)[key]
  if (stream && 'sync' in stream) stream.sync = true
}
