import { setFlagsFromString } from 'node:v8'

/** Flags by which an operator says it. */
const OF_OPERATOR = /^--(?:no-?)?(?:opt|turbofan)$/

/**
 * Has V8 compile nothing to optimized code until the start is over: what runs hot meanwhile is what finds and loads files,
 * and is not needed again. It takes a twentieth of a start.
 * @returns ends that
 */
export function deferOptimizing(): () => void {
  // NODE_OPTIONS may not hold them.
  if (process.execArgv.some((flag) => OF_OPERATOR.test(flag))) return () => {}
  setFlagsFromString('--no-opt')
  return () => setFlagsFromString('--opt')
}
