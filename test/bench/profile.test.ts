import { type CpuProfile, timeByPart } from '../../bench/profile/cpu-profile.js'
import { test } from '../helper.js'

const frame = (functionName: string, url = '') => ({ functionName, url })

/** Each function once, for as many microseconds as its id. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 4, 5, 7, 10] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('(garbage collector)') },
    { id: 4, callFrame: frame('(program)') },
    { id: 5, callFrame: frame('onRead', 'file:///p/dist/lib/transport/http1/connection.js'), children: [6] },
    { id: 6, callFrame: frame('indexOf') },
    { id: 7, callFrame: frame('write', 'node:internal/streams/writable'), children: [8, 9] },
    { id: 8, callFrame: frame('writeLatin1String') },
    { id: 9, callFrame: frame('dispatch', '/p/node_modules/@scope/undici/lib/pool.js') },
    { id: 10, callFrame: frame('onRequest', '/p/dist/plugins/overload.js') }
  ],
  startTime: 1000,
  samples: [2, 3, 4, 5, 6, 7, 8, 9, 10],
  timeDeltas: [2, 3, 4, 5, 6, 7, 8, 9, 10]
}

test('time counts for the part that it was spent in, and native code for its caller', async (t) => {
  t.same(Object.fromEntries(timeByPart(PROFILE, 0, 2000)), {
    'collecting garbage': 3,
    'the event loop and other native code': 4,
    'lib/transport': 5 + 6,
    "Node's sockets and streams": 7,
    'writing to sockets': 8,
    '@scope/undici': 9,
    'plugins and routes': 10
  })
})

test('what was before and after the load does not count', async (t) => {
  t.same(Object.fromEntries(timeByPart(PROFILE, 1000 + 2 + 3 + 4, 1000 + 2 + 3 + 4 + 5)), {
    'the event loop and other native code': 4,
    'lib/transport': 5
  })
})
