/**
 * Removes all listeners for a signal but one, which is there already: without any, even for a moment, the signal would end
 * the process.
 */
export function keepOnly(signal: NodeJS.Signals, kept: NodeJS.SignalsListener): void {
  for (const listener of process.listeners(signal)) if (listener !== kept) process.off(signal, listener)
}
