/** A line through points by least squares. */
export interface Trend {
  /** By how much y rises while x rises by 1. */
  slope: number
  standardError: number
}

/** Confidence in a rise: about 95 %. */
const sureErrors = 2

/** With fewer points the error cannot be estimated. */
const fewestIndependent = 3

/**
 * Undefined with fewer points than say anything of the error. Neighbours that err alike count for less than as many
 * points by themselves would (Santer et al. 2000, https://doi.org/10.1029/1999JD901105).
 */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend | undefined {
  const count = points.length
  if (count < fewestIndependent) return undefined
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / count
  const [meanX, meanY] = [mean(0), mean(1)]
  let spread = 0
  let together = 0
  for (const [x, y] of points) {
    spread += (x - meanX) ** 2
    together += (x - meanX) * (y - meanY)
  }
  if (spread === 0) return undefined
  const slope = together / spread
  const errors = points.map(([x, y]) => y - meanY - slope * (x - meanX))
  const residual = errors.reduce((sum, error) => sum + error ** 2, 0)
  const independent = Math.max(fewestIndependent, count * independence(errors, residual))
  return { slope, standardError: Math.sqrt(residual / (independent - 2) / spread) }
}

/** What part of the points counts, from how alike two errors in a row are. */
function independence(errors: readonly number[], residual: number): number {
  if (residual === 0) return 1
  const alike = errors.slice(1).reduce((sum, error, index) => sum + error * errors[index]!, 0) / residual
  return alike > 0 ? (1 - alike) / (1 + alike) : 1
}

/** Whether there is no rise that is sure, or only one that is small. */
export function isFlat({ slope, standardError }: Trend, small: number): boolean {
  return slope <= sureErrors * standardError || slope <= small
}
