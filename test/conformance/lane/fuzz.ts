import { type HeadLimits, HeadReader } from '../../../lib/listener/http1/lane/head-reader.js'
import { SPECIAL_FIELDS } from '../../../lib/proxy/request/request-head.js'
import { seededRandom } from '../../support/random.js'
import { differenceOf } from './compare.js'
import { CORPUS, TAKEN_COUNT } from './corpus.js'
import { grammarMade } from './grammar.js'
import { Mutator } from './mutate.js'

/** Those by default, and such that messages come up to each of them. */
const LIMITS: readonly HeadLimits[] = [
  { headBytes: 16_384, targetBytes: 8192, fields: 1000, bodyBytes: 0, special: SPECIAL_FIELDS },
  { headBytes: 120, targetBytes: 12, fields: 5, bodyBytes: 9, special: SPECIAL_FIELDS }
]

export interface Fault {
  /** Of the message, to have it again. */
  readonly index: number
  readonly text: string
  readonly difference: string
}

export interface FuzzResult {
  readonly messages: number
  /** That the lane reads. */
  readonly taken: number
  readonly withBody: number
  readonly plain: number
  readonly faults: readonly Fault[]
}

/** A message that is the same for the seed and the index. */
export function messageOf(seed: number, index: number): string {
  const random = new Mutator(seededRandom(Math.imul(seed, 0x9e37_79b1) + index))
  switch (random.below(5)) {
    case 0:
    case 1:
      return random.mutate(CORPUS[random.below(TAKEN_COUNT)]!, CORPUS)
    case 2:
      return random.mutate(random.pick(CORPUS), CORPUS)
    case 3:
      return random.mutate(grammarMade(random), CORPUS)
    default:
      return grammarMade(random)
  }
}

/**
 * Reads messages by the lane's reader and by Node's parser.
 * @param makeReader makes the lane's reader
 * @param from index of the first message
 */
export function fuzz(
  seed: number,
  count: number,
  makeReader: (limits: HeadLimits) => HeadReader = (limits) => new HeadReader(limits),
  { from = 0, maxFaults = 20 } = {}
): FuzzResult {
  const readers = LIMITS.map(makeReader)
  const faults: Fault[] = []
  let taken = 0
  let withBody = 0
  let plain = 0
  for (let index = from; index < from + count && faults.length < maxFaults; index++) {
    const text = messageOf(seed, index)
    const which = Number(index % 8 === 7)
    const reader = readers[which]!
    const difference = differenceOf(text, reader, LIMITS[which]!)
    if (difference === 'untaken') continue
    taken++
    if (reader.contentLength > 0) withBody++
    if (reader.plainLines !== undefined) plain++
    if (difference !== undefined) faults.push({ index, text, difference })
  }
  return { messages: count, taken, withBody, plain, faults }
}
