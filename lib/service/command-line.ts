import { readFileSync } from 'node:fs'

interface Report {
  readonly header: { readonly commandLine: readonly string[] }
}

/**
 * The arguments that this process was started with, those of Node included. fastify-cli takes its own out of
 * `process.argv`. To be called at the start, as a title would take their place.
 */
export function commandLine(): readonly string[] {
  return (ofSystem() ?? (process.report.getReport() as unknown as Report).header.commandLine).slice(1)
}

/** On Linux it costs nothing to ask. */
function ofSystem(): readonly string[] | undefined {
  try {
    return readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1)
  } catch {
    return undefined
  }
}
