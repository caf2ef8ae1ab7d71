import { type Flood, testFlood } from '../support/http2-flood.js'
import {
  block,
  data,
  type Fields,
  Flag,
  frame,
  get,
  headers,
  integer,
  literal,
  ping,
  request,
  reset,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../support/http2-frames.js'

// Frames

const OF_FRAMES: readonly Flood[] = [
  { name: 'SETTINGS', part: () => settings([Setting.window, 1000]), isEnded: true },
  {
    name: 'SETTINGS whose answers are not read',
    part: () => settings(),
    isDeaf: true,
    count: 400_000
  },
  { name: 'PING', part: () => ping(), isEnded: true },
  {
    name: 'PING whose answers are not read',
    part: () => ping(),
    isDeaf: true,
    count: 400_000
  },
  { name: 'PING that nobody has sent', part: () => ping(Flag.ack), isEnded: true },
  {
    name: 'PRIORITY',
    part: (i) => frame(Type.priority, 0, 2 * (i % 1000) + 1, Buffer.concat([uint32(0), Buffer.from([1])])),
    isEnded: true
  },
  {
    name: 'PRIORITY_UPDATE for streams that are not opened',
    part: (i) =>
      frame(Type.priorityUpdate, 0, 0, Buffer.concat([uint32(2 * i + 1), Buffer.from(`u=${i % 8}`)])),
    isEnded: true
  },
  { name: 'WINDOW_UPDATE', part: () => window(0, 1), isEnded: true },
  { name: 'frames of a type that nobody knows', part: () => frame(77, 0, 0, 'what'), isEnded: true },
  {
    name: 'DATA without anything',
    part: () => data(1, ''),
    first: headers(1, request('POST', '/'), { open: true }),
    isEnded: true,
    arrive: 1
  },
  { name: 'GOAWAY', part: () => frame(Type.goaway, 0, 0, Buffer.alloc(8)) }
]

for (const flood of OF_FRAMES) testFlood(flood)

// Requests

const streamId = (i: number) => 2 * i + 1
const POST = request('POST', '/')
const HEAD_TO_GO_ON = frame(Type.headers, Flag.endStream, 1, block(get()))
/** Some bytes of fields that refer to a large one in the table (RFC 7541 section 6.1), again and again. */
const LARGE: Fields[number] = ['large', 'x'.repeat(3900)]
const learned = Buffer.concat([Buffer.from([0x40]), literal(LARGE[0]), literal(LARGE[1])])
const bomb = (i: number, references: number) =>
  frame(
    Type.headers,
    Flag.endHeaders | Flag.endStream,
    streamId(i),
    Buffer.concat([block(get()), i === 0 ? learned : Buffer.alloc(0), Buffer.alloc(references, 0x80 | 62)])
  )

const OF_REQUESTS: readonly Flood[] = [
  {
    name: 'requests that are reset at once (CVE-2023-44487)',
    part: (i) => Buffer.concat([headers(streamId(i), get()), reset(streamId(i))]),
    isEnded: true,
    arrive: 2000
  },
  {
    name: 'requests that the client has the balancer reset (CVE-2025-8671)',
    part: (i) =>
      Buffer.concat([
        headers(streamId(i), [...POST, ['content-length', '1']], { open: true }),
        data(streamId(i), 'two', true)
      ]),
    batch: 20,
    count: 4000,
    isEnded: true,
    arrive: 1200
  },
  {
    name: 'requests of which a window is opened too far',
    part: (i) =>
      Buffer.concat([headers(streamId(i), POST, { open: true }), window(streamId(i), 2 ** 31 - 1)]),
    isEnded: true,
    arrive: 1200
  },
  {
    name: 'requests that are malformed',
    part: (i) => headers(streamId(i), [['a', 'b']]),
    isEnded: true,
    arrive: 0
  },
  {
    name: 'streams above the limit',
    part: (i) => headers(streamId(i), POST, { open: true }),
    isEnded: true,
    arrive: 128
  },
  {
    name: 'CONTINUATION without anything (CVE-2024-27316)',
    part: () => frame(Type.continuation, 0, 1),
    first: HEAD_TO_GO_ON,
    isEnded: true,
    arrive: 0
  },
  {
    name: 'a head without end',
    part: (i) => frame(Type.continuation, 0, 1, block([[`field-${i}`, 'x'.repeat(1000)]])),
    first: HEAD_TO_GO_ON,
    isEnded: true,
    arrive: 0
  },
  { name: 'fields that blow up', part: (i) => bomb(i, 12_000), isEnded: true, arrive: 0 },
  {
    name: 'tables that change their size',
    part: (i) =>
      Buffer.concat([
        settings([Setting.tableSize, i]),
        frame(Type.headers, 5, streamId(i), Buffer.concat([integer(i % 4096, 5, 0x20), block(get('/#'))]))
      ]),
    count: 2000
  },
  { name: 'requests that are refused', part: (i) => headers(streamId(i), get('/#')) },
  {
    name: 'requests whose answers are not read',
    // All of each answer is in its head, which waits for no window.
    part: (i) => headers(streamId(i), request('HEAD', '/#')),
    isDeaf: true,
    count: 400_000,
    arrive: 200_000
  },
  {
    name: 'pages of the balancer that are not waited for',
    part: (i) => Buffer.concat([headers(streamId(i), get('/__lb/live'), { open: true }), reset(streamId(i))]),
    isEnded: true,
    arrive: 0
  }
]

for (const flood of OF_REQUESTS) testFlood(flood)
