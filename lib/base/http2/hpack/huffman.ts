/** Code lengths in bits of bytes 0 to 255 and, last, of EOS (RFC 7541 appendix B). */
// biome-ignore format: a row for each 16 bytes
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30
]
const END_OF_STRING = 256
/** The last byte is padded with ones (RFC 7541 section 5.2). */
const MAX_PADDING_BITS = 7

const NIBBLES = 16
const BROKEN = -1

/**
 * A state machine over four bits at a time. A state is an inner node of the code tree; each transition has the next state
 * and the decoded byte, if a code ends in between: at most one, as no code is shorter than five bits.
 */
interface Machine {
  readonly next: Int16Array
  readonly byte: Int16Array
  /** Whether a string may end in the state. */
  readonly mayEnd: Uint8Array
}

let machine: Machine | undefined

/**
 * Decodes a Huffman-coded string (RFC 7541 section 5.2). Returns its length in `target`, or -1 if it is invalid.
 * @param target at least 8/5 of the encoded length
 */
export function decodeHuffman(source: Buffer, from: number, to: number, target: Buffer): number {
  machine ??= build()
  const { next, byte, mayEnd } = machine
  let state = 0
  let length = 0
  for (let i = from; i < to; i++) {
    const both = source[i]!
    for (
      let at = state * NIBBLES + (both >> 4), low = false;
      ;
      at = state * NIBBLES + (both & 15), low = true
    ) {
      state = next[at]!
      if (state === BROKEN) return BROKEN
      if (byte[at]! >= 0) target[length++] = byte[at]!
      if (low) break
    }
  }
  return mayEnd[state] ? length : BROKEN
}

/** Builds the machine. The codes are canonical: shorter ones first, and those of one length ascend with their bytes. */
function build(): Machine {
  const symbols = [...LENGTHS.keys()].sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b)
  // Two branches a node: the index of another node, or -symbol-1.
  const nodes: [number, number][] = [[0, 0]]
  let code = 0
  let length = 0
  for (const symbol of symbols) {
    code *= 2 ** (LENGTHS[symbol]! - length)
    length = LENGTHS[symbol]!
    addCode(nodes, code, length, symbol)
    code++
  }
  const next = new Int16Array(nodes.length * NIBBLES)
  const byte = new Int16Array(nodes.length * NIBBLES).fill(-1)
  for (let at = 0; at < next.length; at++) {
    let state = Math.floor(at / NIBBLES)
    for (let bit = 3; bit >= 0 && state !== BROKEN; bit--) {
      const branch = nodes[state]![(at >> bit) & 1]!
      state = Math.max(branch, 0)
      if (branch < 0) byte[at] = -branch - 1
      if (branch === -END_OF_STRING - 1) state = BROKEN
    }
    next[at] = state
  }
  const mayEnd = new Uint8Array(nodes.length)
  for (let state = 0, bits = 0; bits <= MAX_PADDING_BITS; bits++, state = nodes[state]![1]) mayEnd[state] = 1
  return { next, byte, mayEnd }
}

function addCode(nodes: [number, number][], code: number, length: number, symbol: number): void {
  let node = nodes[0]!
  for (let bit = length - 1; bit > 0; bit--) {
    const side = (code >> bit) & 1
    if (node[side] === 0) node[side] = nodes.push([0, 0]) - 1
    node = nodes[node[side]!]!
  }
  node[code & 1] = -symbol - 1
}
