import { test } from '../helper.js'
import { run } from '../support/processes.js'

/** Reads the size of the young generation in MiB, once all is loaded. */
const LOADED = `
const { getHeapSpaceStatistics } = require('node:v8')
const { growAsNeeded } = require('./dist/app/young-generation.js')
const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20
const started = Array.from({ length: 400_000 }, (_, i) => ({ i }))
const loaded = size()`

/** Prints it, and what it is while little and then while much survives its collections: as soon as it has grown, or after 5 s. */
const GROWING = `${LOADED}
growAsNeeded()
let idle
let kept
const end = () => {
  console.log(JSON.stringify({ loaded, idle, busy: size() }))
  process.exit()
}
setTimeout(() => { idle = size() }, 1500)
setInterval(() => {
  if (idle === undefined) return
  kept = Array.from({ length: 100_000 }, (_, i) => ({ i }))
  if (size() > 2 * idle) end()
}, 10)
setTimeout(end, 5000)`

test('the young generation stays small until collecting it takes much of the time', async (t) => {
  const { stdout, stderr } = await run(['-e', GROWING], {})
  t.equal(stderr, '')
  const { loaded, idle, busy } = JSON.parse(stdout)
  t.ok(loaded <= 4 && idle <= 4, `${loaded}, ${idle}`)
  t.ok(busy > 2 * idle, `${busy}`)
})

test('an operator who gives it a size has it', async (t) => {
  const { stdout } = await run(['-e', `${LOADED}\nconsole.log(loaded)`], {
    NODE_OPTIONS: '--max-semi-space-size=8'
  })
  t.ok(Number(stdout) > 4, stdout)
})
