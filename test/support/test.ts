import tap, { type Test } from 'tap'

/** A hang ends its own test. */
const TEST_MS = 90_000
tap.setTimeout(0)

type Closer = () => unknown

const closersOf = new WeakMap<Test, Closer[]>()

/** A test that closes what it has opened, the latest first and all of it even if some fails, before it is over. */
export function test(name: string, body: (t: Test) => Promise<void>): void {
  const { subtest } = tap.test(name, { timeout: TEST_MS, ...placeOf(test) }, async (t) => {
    const closers: Closer[] = []
    closersOf.set(t, closers)
    try {
      await body(t)
    } finally {
      for (const close of closers.reverse()) {
        try {
          await close()
        } catch (error) {
          t.error(error)
        }
      }
      // tap keeps its tests, and they would keep servers with all that these have received.
      closersOf.delete(t)
    }
  })
  // tap follows each promise, timer and socket by async hooks, to know whose an error is that nobody catches. That takes up
  // to half of the processor's time; without it such an error ends the file, with exit code 1.
  for (const { hook, hookDomain } of [tap, ...(subtest ? [subtest] : [])]) {
    hook.onDestroy?.()
    hookDomain.destroy()
  }
}

/** Where somebody calls `callee`: tap itself would name this file for each test. */
function placeOf(callee: (...args: never[]) => unknown): object {
  const trace = { stack: '' }
  Error.captureStackTrace(trace, callee)
  const [, fileName, line, column] = /([^\s(]+):(\d+):(\d+)/.exec(trace.stack) ?? []
  return fileName ? { at: { fileName, lineNumber: Number(line), columnNumber: Number(column) } } : {}
}

/** Runs `close` at the end of the test. */
export function atEnd(t: Test, close: Closer): void {
  closersOf.get(t)!.push(close)
}

/** For what takes milliseconds: bounds a hang alone, as machines are busy. Shorter than an ejection. */
const PATIENCE_MS = 8000

/** Waits until `condition` holds, and fails if it does not in time. */
export async function eventually(condition: () => unknown, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await sleep(5)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
