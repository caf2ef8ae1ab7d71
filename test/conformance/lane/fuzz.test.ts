import { HeadReader } from '../../../lib/listener/http1/lane/head-reader.js'
import { test } from '../../support/test.js'
import { fuzz } from './fuzz.js'

/** `npm run fuzz:lane` reads as many as wanted. */
const COUNT = 30_000
const SEED = 42

test(`the lane reads no message in another way than Node's parser (${COUNT} messages, seed ${SEED})`, async (t) => {
  const { taken, plain, withBody, faults } = fuzz(SEED, COUNT)
  t.same(faults, [])
  t.ok(taken > COUNT / 5 && taken < COUNT / 2, `${taken} taken`)
  t.ok(plain > COUNT / 10 && plain < taken, `${plain} plain`)
  t.ok(withBody > COUNT / 20, `${withBody} with a body`)
})

/** Readers that are wrong, each by what it does to a message before it reads it, or afterwards. */
class Wrong extends HeadReader {
  /** @param before reads another text of the same length */
  constructor(
    limits: ConstructorParameters<typeof HeadReader>[0],
    readonly before: (text: string) => string,
    readonly after: (reader: HeadReader, end: number) => number = (_, end) => end
  ) {
    super(limits)
  }

  override read(text: string): number {
    const end = super.read(this.before(text))
    return end === -1 ? -1 : this.after(this, end)
  }
}

const asItIs = (text: string) => text

const WRONG: Readonly<
  Record<string, readonly [(text: string) => string, ((reader: HeadReader, end: number) => number)?]>
> = {
  'takes NUL for a character of a value': [(text) => text.replaceAll('\0', 'x')],
  'takes a bare CR for a character of a value': [(text) => text.replace(/\r(?!\n)/g, 'x')],
  'takes a folded line for a value': [(text) => text.replace(/\r\n[ \t]/g, 'xxx')],
  'takes a blank before a colon': [(text) => text.replace(/\w[ \t]:/g, 'xx:')],
  'takes a line without a colon': [(text) => text.replace(/\r\nX\r\n/g, ':x\r\n')],
  'takes bytes of more than 7 bits in a target': [
    (text) => text.replace(/^[A-Z]+ \S+/, (line) => line.replace(/[\x80-\xff]/g, 'x'))
  ],
  'does not see Transfer-Encoding': [(text) => text.replace(/transfer-encoding/gi, 'transfer-encodinx')],
  'does not see Upgrade': [(text) => text.replace(/\nupgrade:/gi, '\nupgradx:')],
  'takes HTTP/1.0 for HTTP/1.1': [(text) => text.replace('HTTP/1.0', 'HTTP/1.1')],
  'does not see that the connection ends': [
    asItIs,
    (reader, end) => {
      reader.closes = false
      return end
    }
  ],
  'reads a length in octal': [
    asItIs,
    (reader, end) => {
      reader.contentLength = Number.parseInt(String(reader.contentLength), 8) || 0
      return end
    }
  ],
  'ends a byte too late': [asItIs, (_, end) => end + 1],
  'ends a byte too early': [asItIs, (_, end) => end - 1],
  'passes on Connection': [
    asItIs,
    (reader, end) => {
      reader.plainLines &&= `${reader.plainLines}Connection: X\r\n`
      return end
    }
  ],
  'does not know that a field is special': [(text) => text.replace(/\nx-forwarded-/gi, '\nx-forwarxxx-')],
  'has a host in lower case': [
    asItIs,
    (reader, end) => {
      reader.host = reader.host.toLowerCase()
      return end
    }
  ],
  'has no id': [
    asItIs,
    (reader, end) => {
      reader.givenId = ''
      return end
    }
  ]
}

test('a reader is found out that', async (t) => {
  for (const [name, [before, after]] of Object.entries(WRONG)) {
    const { faults } = fuzz(SEED, COUNT, (limits) => new Wrong(limits, before, after), { maxFaults: 1 })
    t.equal(faults.length, 1, name)
  }
})
