import { type Flood, testFlood } from '../support/http2-flood.js'
import {
  data,
  Flag,
  frame,
  headers,
  ping,
  request,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../support/http2-frames.js'

const FLOODS: readonly Flood[] = [
  { name: 'SETTINGS', part: () => settings([Setting.window, 1000]) },
  {
    name: 'SETTINGS whose answers are not read',
    part: () => settings(),
    isDeaf: true,
    count: 400_000
  },
  { name: 'PING', part: () => ping() },
  {
    name: 'PING whose answers are not read',
    part: () => ping(),
    isDeaf: true,
    count: 400_000
  },
  { name: 'PING that nobody has sent', part: () => ping(Flag.ack), isEnded: true },
  {
    name: 'PRIORITY',
    part: (i) => frame(Type.priority, 0, 2 * (i % 1000) + 1, Buffer.concat([uint32(0), Buffer.from([1])]))
  },
  { name: 'WINDOW_UPDATE', part: () => window(0, 1) },
  { name: 'frames of a type that nobody knows', part: () => frame(77, 0, 0, 'what') },
  {
    name: 'DATA without anything',
    part: () => data(1, ''),
    first: headers(1, request('POST', '/'), { open: true }),
    isEnded: true,
    arrive: 1
  },
  { name: 'GOAWAY', part: () => frame(Type.goaway, 0, 0, Buffer.alloc(8)) }
]

for (const flood of FLOODS) testFlood(flood)
