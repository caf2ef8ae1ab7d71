/** Milliseconds of the system's monotonic clock: the same in every process of the machine. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
