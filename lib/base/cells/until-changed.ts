/** Resolves when a cell is woken by `Atomics.notify`; undefined if it has another value than this already. */
export function untilChanged(cells: Int32Array, index: number, value: number): Promise<unknown> | undefined {
  const wait = (Atomics as AsyncAtomics).waitAsync(cells, index, value)
  return wait.async ? wait.value : undefined
}

/** As of ES2024, which is younger than what is compiled for here; Node has it from 16 on. */
type AsyncAtomics = typeof Atomics & {
  waitAsync(
    cells: Int32Array,
    index: number,
    value: number
  ): { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> }
}
