import t from 'tap'
import { readPriority } from '../../../../lib/listener/http2/stream/priority.js'

t.test(
  'a priority is read as a dictionary, and what is not valid counts as not said (RFC 9218 section 4)',
  async (t) => {
    for (const [text, urgency, isIncremental] of [
      ['', 3, false],
      ['u=0', 0, false],
      ['u=7, i', 7, true],
      ['i', 3, true],
      ['i=?1', 3, true],
      ['i=?0', 3, false],
      ['u=5,i=?0', 5, false],
      [' u=1 , i ', 1, true],
      ['u=1;x=2, i;y', 1, true],
      ['x=1, u=2', 2, false],
      ['u=1, u=6', 6, false],
      ['u=8', 3, false],
      ['u=-1', 3, false],
      ['u=1.5', 3, false],
      ['u="1"', 3, false],
      ['u', 3, false],
      ['U=1', 3, false],
      ['i=1', 3, false],
      ['u=1, i, i=?0', 1, false],
      ['=,;=', 3, false]
    ] as const)
      t.same(readPriority(text), { urgency, isIncremental }, text)
  }
)
