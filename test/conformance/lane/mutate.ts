import { Damage } from '../damage.js'

/** What parsers differ about, and what decides over the lane: small parts of messages. */
const TROUBLE = [
  ...'\r\n\t\0 ,;:="/#*%+-_0159af?@[]\\',
  ...'\x01\x08\x0b\x0c\x1b\x1f\x7f\x80\x85\xa0\xad\xff',
  '\r\n',
  '\n\r',
  '\r\r\n',
  '\n\n',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  ' \r\n',
  '\t\r\n',
  '  ',
  '\r\nX: y',
  '\r\nX:y\r\n',
  '\r\nX : y',
  '\r\nX',
  '\r\n: y',
  '\r\nContent-Length: 3',
  '\r\nContent-Length: +3',
  '\r\nContent-Length: 3, 3',
  '\r\nContent-Length:',
  '\r\nContent_Length: 3',
  '\r\nTransfer-Encoding: chunked',
  '\r\nTransfer_Encoding: chunked',
  '\r\nConnection: close',
  '\r\nConnection: keep-alive, X',
  '\r\nConnection: Content-Length, Host',
  '\r\nKeep-Alive: timeout=5',
  '\r\nProxy-Connection: keep-alive',
  '\r\nHost: y',
  '\r\nHost:',
  '\r\nUpgrade: websocket',
  '\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings',
  '\r\nExpect: 100-continue',
  '\r\nX-Request-Id: a',
  '\r\nX_Request_Id: b',
  '\r\nX-Forwarded-For: 192.0.2.1',
  '\r\nX.Forwarded.Host: y',
  '\r\nForwarded: for=y',
  '\r\nProxy: y',
  '\r\n__proto__: y',
  '\r\nconstructor: y',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\n',
  'ffffffffffffffff0',
  '18446744073709551617',
  '9007199254740993',
  '000000000000000',
  'HTTP/1.0',
  ' HTTP/1.1\r\n',
  'http://x',
  'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
]

const NUMBERS = ['', '-1', '+5', '0', '05', '5 ', '5\t', ' 5', '5 5', '0x5', '1e1', '5,5', '9'.repeat(20)]
const EDGES = ['\r\n', ':', ' ']
const JOINTS = ['_', '-', '.', '']
const FRONTS = [' ', '\t', '', '', '']
const TAILS = [' ', ' ', '\t', '\t', '\r', '\0', '\x0b', '\xa0']
const LINE_ENDS = ['\n', '\r', '\n\r', '\r\n ']

/** Damages messages as a random sequence says. */
export class Mutator extends Damage {
  /** Up to three changes of some bytes or of a line; one message in eight is left as it is. */
  mutate(text: string, others: readonly string[]): string {
    if (this.below(8) === 0) return text
    let result = text
    for (let left = 1 + this.below(1 + this.below(3)); left > 0; left--) result = this.#change(result, others)
    return result
  }

  #change(text: string, others: readonly string[]): string {
    const at = this.#position(text)
    const end = Math.min(text.length, at + 1 + this.below(4))
    const kind = this.below(12)
    switch (kind) {
      case 4:
        return this.#flipBit(text, at)
      case 5:
        return this.#changeCase(text, at)
      case 6:
        return this.#changeDigits(text)
      case 7:
        return text.slice(0, at) + this.pick(others).slice(-1 - this.below(80))
      case 8:
      case 9:
        return this.#changeLine(text, others)
      default:
        return this.bytes(kind, text, at, end, TROUBLE)
    }
  }

  /** Half of all are around what divides lines and fields. */
  #position(text: string): number {
    const at = this.below(text.length + 1)
    if (this.below(2) === 0) return at
    const edge = text.indexOf(this.pick(EDGES), at)
    return edge === -1 ? at : Math.min(text.length, edge + this.below(3))
  }

  #flipBit(text: string, at: number): string {
    if (at >= text.length) return text
    const flipped = text.charCodeAt(at) ^ (1 << this.below(8))
    return text.slice(0, at) + String.fromCharCode(flipped) + text.slice(at + 1)
  }

  #changeCase(text: string, at: number): string {
    const end = at + 1 + this.below(12)
    const part = text.slice(at, end)
    // Of ASCII alone: others would become characters that are no byte.
    const changed =
      this.below(2) === 0
        ? part.replace(/[a-z]/g, (letter) => letter.toUpperCase())
        : part.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    return text.slice(0, at) + changed + text.slice(end)
  }

  #changeDigits(text: string): string {
    const number = this.pick(NUMBERS)
    return text.replace(/\d+(?=\r\n)/, number)
  }

  #changeLine(text: string, others: readonly string[]): string {
    const lines = text.split('\r\n')
    const at = this.below(lines.length)
    const line = lines[at]!
    switch (this.below(6)) {
      case 0:
        lines.splice(at, 1)
        break
      case 1:
        lines.splice(this.below(lines.length + 1), 0, line)
        break
      case 2:
        lines.splice(at, 0, this.pick(this.pick(others).split('\r\n')))
        break
      case 3:
        lines[at] = line.replace(/[-_.]/g, this.pick(JOINTS))
        break
      case 4:
        lines[at] = this.pick(FRONTS) + line + this.pick(TAILS)
        break
      default:
        lines.splice(this.below(lines.length), 0, lines.splice(at, 1)[0]!)
    }
    return lines.join(this.below(12) === 0 ? this.pick(LINE_ENDS) : '\r\n')
  }
}
