/** A cell of a row that all threads share: state, of which one thread decides, or which a single operation changes. */
export type SharedCell = number & { readonly kind: 'shared' }
/** A cell that each thread has for itself, of which the sum counts, and which goes up and down. */
export type GaugeCell = number & { readonly kind: 'gauge' }
/** Two such cells, which only go up. */
export type TotalCell = number & { readonly kind: 'total' }

/** Of the cells of a thread in a row the first are gauges, and the others totals. */
export const GAUGE_CELLS = 8

/** A cell at this place among those that all threads share. */
export const shared = (cell: number) => cell as SharedCell
/** Cells at this place among those of a thread: up to `GAUGE_CELLS`, and after them. */
export const gauge = (cell: number) => cell as GaugeCell
export const total = (cell: number) => cell as TotalCell
