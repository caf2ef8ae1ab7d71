import t from 'tap'
import { part } from '../support/page-part.js'

const AT = 1_700_000_000_000

t.test('numbers are short, and say what they are', async (t) => {
  const { bytes, compact, milliseconds, ofScale, percent, rate, span } = await part('format.js')
  for (const [format, cases] of [
    [rate, { 0: '0', 0.2: '0.2', 12: '12.0', 99.96: '100', 1234.5: '1,235', 12345: '12.3k' }],
    [
      milliseconds,
      { 0: '0 ms', 0.004: '<0.01 ms', 0.5: '0.50 ms', 12.34: '12.3 ms', 234.5: '235 ms', 1500: '1.50 s' }
    ],
    [
      ofScale(milliseconds),
      { 0: '0', 0.5: '0.5 ms', 100: '100 ms', 250: '250 ms', 1000: '1 s', 1500: '1.5 s' }
    ],
    [percent, { 0: '0 %', 0.00005: '<0.01 %', 0.0123: '1.23 %', 1: '100 %' }],
    [bytes, { 0: '0 B', 999: '999 B', 1500: '1.50 kB', 1e9: '1.00 GB' }],
    [compact, { 0: '0', 9999: '9,999', 10000: '10.0k', 12345678: '12.3M' }],
    [
      span,
      { 0: '0 s', 59999: '59 s', 60000: '1 min', 61000: '1 min 1 s', 3600000: '1 h', 90000000: '1 d 1 h' }
    ]
  ] as const)
    for (const [value, text] of Object.entries(cases))
      t.equal(format(Number(value)), text, `${format.name} ${value}`)
  for (const format of [rate, milliseconds, percent, compact]) t.equal(format(null), '–')
})

t.test('the steps of a scale are round, and reach the top', async (t) => {
  const { roundStep } = await part('chart.js')
  for (const [most, step] of [
    [4, 1],
    [4.1, 2],
    [90, 25],
    [130, 50],
    [0.4, 0.1],
    [1e6, 250_000],
    [1000, 250]
  ])
    t.ok(Math.abs(roundStep(most) - step!) < 1e-9, `${most}: ${roundStep(most)}`)
})

t.test('a line breaks where nothing is known', async (t) => {
  const { linePath } = await part('chart.js')
  const points = [
    { at: 0, x: 0, y: 1 },
    { at: 1000, x: 1, y: 2 },
    { at: 2000, x: 2, y: null },
    { at: 3000, x: 3, y: 3 },
    { at: 9000, x: 9, y: 4 }
  ]
  t.equal(linePath(points), 'M0.0 1.0L1.0 2.0M3.0 3.0M9.0 4.0')
  t.equal(linePath([]), '')
})

t.test('the parts of a health history are cut to the last ten minutes', async (t) => {
  const { partsOf } = await part('strip.js')
  const minutes = (number: number) => AT - number * 60_000
  const changes = [
    { at: minutes(100), to: 'checking', reason: '' },
    { at: minutes(90), to: 'healthy', reason: 'x' },
    { at: minutes(3), to: 'unhealthy', reason: 'y' }
  ]
  t.same(partsOf(changes, AT), [
    { at: minutes(10), to: 'healthy', reason: 'x', until: minutes(3) },
    { at: minutes(3), to: 'unhealthy', reason: 'y', until: AT }
  ])
})

t.test('a shortage is shown for a minute', async (t) => {
  const { shortageAlarm } = await part('totals.js')
  const alarm = (resource: string, secondsAgo: number, descriptorLimit: number | null = 64) =>
    shortageAlarm({
      at: AT,
      shortages: { descriptorLimit, latest: { at: new Date(AT - secondsAgo * 1000).toISOString(), resource } }
    })
  t.equal(
    alarm('descriptors', 10),
    'Out of file descriptors (64 may be open): connections are refused, raise LimitNOFILE or ulimit -n.'
  )
  t.match(alarm('descriptors', 59, null), /^Out of file descriptors: /)
  t.match(alarm('ports', 1), /^Out of local ports: connections are refused, see the log/)
  t.equal(alarm('descriptors', 61), '')
  t.equal(shortageAlarm({ at: AT, shortages: { descriptorLimit: 64, latest: null } }), '')
})
