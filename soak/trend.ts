/** A line through points by least squares. */
export interface Trend {
  /** By how much y rises while x rises by 1. */
  slope: number
  standardError: number
}

/** How sure one wants to be of a rise: about 95 %. */
const sureErrors = 2

/** Undefined with fewer points than say anything of the error. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend | undefined {
  const count = points.length
  if (count < 3) return undefined
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
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, standardError: Math.sqrt(residual / (count - 2) / spread) }
}

/** Whether there is no rise that is sure, or only one that is small. */
export function isFlat({ slope, standardError }: Trend, small: number): boolean {
  return slope <= sureErrors * standardError || slope <= small
}
