import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../support/random.js'
import { Damage } from './damage.js'

const { FAIRLEAD_FUZZ_MESSAGES: messages = '1500', FAIRLEAD_TEST_SEED: seed = '42' } = process.env
export const MESSAGES = Number(messages)
export const SEED = Number(seed)

/** What parsers differ about. */
const TROUBLE = [
  ...'\r\n\t\0 ,;:="/#*%+-0159af\x01\x0b\x7f\x80\xff',
  '\r\n',
  '\n\n',
  '\r\n\r\n',
  '\r\n ',
  '\r\nX: y',
  '\r\nContent-Length: 3',
  '\r\nTransfer-Encoding: chunked',
  '\r\nTransfer-Encoding: identity',
  '\r\nConnection: close',
  '\r\nConnection: Content-Length, Host',
  '\r\nHost: y',
  '0\r\n\r\n',
  '5\r\n',
  'ffffffffffffffff0',
  'chunked',
  'HTTP/1.0',
  'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 103 Early\r\n\r\n'
]

/** The name of a message; one that was damaged is no longer one. */
export const idOf = (i: number) => `~${i}.${checkOf(i)}~`

/** The ids in a text, none that damage has made. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(/~(\d+)\.(\d+)~/g)]
    .map(([id]) => id)
    .filter((id) => id === idOf(Number.parseInt(id.slice(1), 10)))
}

const checkOf = (i: number) => (i * 7919 + 104_729) % 99_991

/** Damages text in ways that are the same for a seed. */
export class Mutator extends Damage {
  /** @param i the message that is damaged: whatever the others do, the damage is the same */
  constructor(i: number) {
    super(seededRandom(SEED * 1_000_003 + i))
  }

  /** One to three changes of some bytes or of a line; one in eight is left as it is. */
  mutate(text: string): string {
    if (this.below(8) === 0) return text
    let result = text
    for (let left = 1 + this.below(3); left > 0; left--) result = this.#change(result)
    return result
  }

  #change(text: string): string {
    const at = this.below(text.length + 1)
    const end = Math.min(text.length, at + 1 + this.below(4))
    const kind = this.below(7)
    return kind === 4 ? this.#changeLine(text) : this.bytes(kind, text, at, end, TROUBLE)
  }

  #changeLine(text: string): string {
    const lines = text.split('\r\n')
    const at = this.below(lines.length)
    switch (this.below(3)) {
      case 0:
        lines.splice(at, 1)
        break
      case 1:
        lines.splice(at, 0, lines[at]!)
        break
      default:
        lines.splice(this.below(lines.length), 0, lines.splice(at, 1)[0]!)
    }
    return lines.join('\r\n')
  }

  /** The text in one to four parts. */
  split(text: string): Buffer[] {
    const cuts = Array.from({ length: this.below(4) }, () => this.below(text.length + 1)).sort(
      (a, b) => a - b
    )
    return [0, ...cuts].map((from, i) => Buffer.from(text.slice(from, cuts[i] ?? text.length), 'latin1'))
  }
}

/** Calls `body` for each number below `count`, as many at a time as there are lanes, until it returns false. */
export async function inLanes(
  lanes: number,
  count: number,
  body: (i: number) => Promise<boolean | undefined>
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) if ((await body(next++)) === false) next = count
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

export async function sendParts(write: (bytes: Buffer) => void, parts: readonly Buffer[]): Promise<void> {
  for (const [i, part] of parts.entries()) {
    if (i > 0) await sleep(1)
    write(part)
  }
}
