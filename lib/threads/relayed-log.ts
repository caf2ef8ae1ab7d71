type LogMethod = (fields: object, message: string) => void

/**
 * Fastify's options for the log of a follower: each line is passed on, to be written by the owner's.
 * @param thread its number, from 0; that for people is from 1, which is the owner
 */
export function relayedLog(level: string, thread: number, pass: (line: string) => void) {
  return { level, base: { thread: thread + 1 }, stream: { write: pass } }
}

/** Levels and methods of pino, which Fastify logs with. */
const METHODS = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' } as const

/** What is needed of the owner's log. */
export type Log = Readonly<Record<(typeof METHODS)[keyof typeof METHODS], LogMethod>>

/** Writes a line of a follower to the log of the owner. */
export function writeRelayed(log: Log, line: string): void {
  const { level, time, msg, ...fields } = JSON.parse(line) as {
    readonly level: keyof typeof METHODS
    readonly time: number
    readonly msg: string
  }
  log[METHODS[level] ?? 'info'](fields, msg)
}
