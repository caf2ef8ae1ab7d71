import t from 'tap'
import { History } from './history.js'

const COUNT = 10_000

/** One history alone, by the seed that a failure has shown. */
const { HISTORY } = process.env

t.test(
  'whatever happens, no slot leaks, and nobody is passed over, forgotten or sent where they must not go',
  async (t) => {
    const seeds = HISTORY ? [Number(HISTORY)] : Array.from({ length: COUNT }, (_, i) => i + 1)
    for (const seed of seeds) await new History(seed).play()
    t.pass(`${seeds.length} histories`)
  }
)
