import { test } from '../support/test.js'
import { History } from './history.js'

const COUNT = 10_000
const PARTS = 2
/** So many make one assertion. */
const BLOCK = 1000

/** One history alone, by the seed that a failure has shown. */
const { HISTORY } = process.env

/**
 * Plays a part of the ten thousand histories: parts run side by side.
 * @param part from 1 up
 */
export function playPart(part: number): void {
  test('whatever happens, no slot leaks, and nobody is passed over, forgotten or sent where they must not go', async (t) => {
    const size = COUNT / PARTS
    const seeds = HISTORY
      ? [Number(HISTORY)]
      : Array.from({ length: size }, (_, i) => (part - 1) * size + i + 1)
    for (const [i, seed] of seeds.entries()) {
      await new History(seed).play()
      if ((i + 1) % BLOCK === 0 || i + 1 === seeds.length) t.pass(`up to ${seed}`)
    }
  })
}
