/** Has the balancer run with as many threads as the environment says: `LB_THREADS=2 npm run soak`. */
export function threadsAsked(): Record<string, string> {
  const { LB_THREADS } = process.env
  return LB_THREADS === undefined ? {} : { LB_THREADS }
}
