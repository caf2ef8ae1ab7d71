import { test } from '../helper.js'
import { run } from '../support/processes.js'

/** Prints the size of the young generation in MiB before, and after much has survived with few and with many connections. */
const SCRIPT = `
const { getHeapSpaceStatistics } = require('node:v8')
const { enlargeForMany } = require('./dist/app/young-generation.js')
const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20
const kept = []
const survive = () => kept.push(Array.from({ length: 400_000 }, (_, i) => ({ i })))
const connections = { size: 64 }
const before = size()
enlargeForMany(connections)
survive()
setTimeout(() => {
  survive()
  const few = size()
  connections.size = 512
  setTimeout(() => {
    survive()
    console.log(JSON.stringify({ before, few, many: size() }))
  }, 1500)
}, 1500)`

test('the young generation stays small until there are many connections', async (t) => {
  const { stdout, stderr } = await run(['-e', SCRIPT], {})
  t.equal(stderr, '')
  const { before, few, many } = JSON.parse(stdout)
  t.ok(few <= 4, `${before}, ${few}`)
  t.ok(many > 2 * few, `${many}`)
})

test('an operator who gives it a size has it', async (t) => {
  const { stdout } = await run(['-e', SCRIPT], { NODE_OPTIONS: '--max-semi-space-size=8' })
  const { before, few } = JSON.parse(stdout)
  t.ok(few > 4, `${before}, ${few}`)
})
