import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.js'

/** Between two lines about progress. */
const PIECE = 250_000

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '42' },
    from: { type: 'string', default: '0' }
  }
})
const messages = Number(values.messages)
const seed = Number(values.seed)
const first = Number(values.from)

const print = (line: string) => void process.stdout.write(`${line}\n`)

let taken = 0
let withBody = 0
let plain = 0
let faults = 0
const started = process.cpuUsage()
const seconds = () => {
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1e6
}

for (let done = 0; done < messages; done += PIECE) {
  const count = Math.min(PIECE, messages - done)
  const result = fuzz(seed, count, undefined, { from: first + done })
  taken += result.taken
  withBody += result.withBody
  plain += result.plain
  faults += result.faults.length
  for (const { index, text, difference } of result.faults)
    print(`--seed ${seed} --from ${index} --messages 1: ${difference}\n  ${JSON.stringify(text)}`)
}
const perSecond = Math.round(messages / seconds())
print(
  `${messages} messages of seed ${seed} on Node ${process.versions.node} (llhttp ${process.versions.llhttp}): ` +
    `${taken} taken, ${plain} of them plain, ${withBody} with a body; ${faults} faults; ${perSecond} a CPU second`
)
process.exitCode = faults > 0 ? 1 : 0
