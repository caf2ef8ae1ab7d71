const { stdout } = process
const write = stdout.write.bind(stdout)
let held = ''

/**
 * Sends what is written to the standard output in a turn of the event loop at once: tap writes each assertion by itself,
 * which takes a system call each, and wakes whoever reads them.
 */
export function joinOutput(): void {
  stdout.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    if (held === '') setImmediate(flush)
    held += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    const written = rest.at(-1)
    if (typeof written === 'function') process.nextTick(written)
    return true
  }) as typeof stdout.write
  process.on('exit', flush)
}

function flush(): void {
  const text = held
  held = ''
  if (text !== '') write(text)
}
