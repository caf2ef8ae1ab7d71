import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { eventually, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { lb } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { listen } from '../support/listen.js'

const CONNECTIONS = 20
const BODIES = { '/small': pattern('small', 100), '/large': pattern('large', 100_000) }
const UPLOAD = pattern('upload', 20_000)

/** A balancer before two backends, and what those counted. */
async function open(t: Test, flags: readonly string[] = []) {
  const counts = [0, 0]
  let received = 0
  const addresses = await Promise.all(
    counts.map((_, i) =>
      listen(
        t,
        createServer(async (req, res) => {
          counts[i]!++
          for await (const part of req as AsyncIterable<Buffer>) received += part.length
          const body = BODIES[req.url as keyof typeof BODIES]
          // An upload is answered in chunks.
          if (req.method === 'GET') res.setHeader('Content-Length', body.length)
          else res.flushHeaders()
          res.end(body)
        })
      )
    )
  )
  const child = lb(t, ['-p', '0', ...flags, '-b', ...addresses, '--no-health-check', '--stats-interval', '0'])
  const origin = `http://127.0.0.1:${await child.listening()}`
  const stats = async () => {
    const response = await fetch(`${origin}/__lb/stats`, { headers: { connection: 'close' } })
    return (await response.json()) as Statistics
  }
  /** What the balancer and the backends counted, once nothing is under way. */
  const counted = async () => {
    await eventually(async () => (await stats()).connections.open === 1).catch(() => {})
    const { requests, connections, backends } = await stats()
    t.equal(connections.open, 1, 'of who asks this')
    t.match(requests, { inFlight: 0, failed: 0, rejected: { overload: 0, noBackend: 0 } })
    t.match(backends, Array(2).fill({ active: 0, failed: 0, retries: 0, state: 'healthy' }))
    t.ok(Math.abs(counts[0]! - counts[1]!) < requests.total / 2, `both had work: ${counts}`)
    t.notMatch(child.output, /"level":[456]0/, 'nothing to warn of')
    return { total: requests.total, counts, backends, received }
  }
  return { origin, counted }
}

/** Of h2load: how often what is asked for, in what manner, with a body of what size. */
const RUNS = [
  ['small responses', 600, '/small', [], 0],
  ['small responses, pipelined', 600, '/small', ['-m', '8'], 0],
  ['large responses', 200, '/large', [], 0],
  ['uploads', 400, '/small', ['-d'], UPLOAD.length]
] as const

/** Versions of HTTP, with what `lb` and h2load need for them. */
const VERSIONS = [
  ['HTTP/1.1', [], ['--h1', '-c', `${CONNECTIONS}`]],
  ['HTTP/2', ['--h2c'], ['-c', '4', '-m', '50']]
] as const

for (const [version, ofBalancer, ofClient] of VERSIONS)
  test(`h2load gets all that it asks for by ${version}, and all count the same`, async (t) => {
    if (!needs(t, 'h2load')) return
    const { origin, counted } = await open(t, ofBalancer)
    const file = path.join(t.testdir(), 'upload')
    writeFileSync(file, UPLOAD)
    let [asked, uploaded] = [0, 0]
    for (const [name, count, target, flags, size] of RUNS) {
      asked += count
      uploaded += count * size
      const args = [...ofClient, '-n', `${count}`, ...flags, ...(size > 0 ? [file] : [])]
      const { code, stdout } = await command(t, 'h2load', [...args, `${origin}${target}`])
      t.equal(code, 0, name)
      const all = `${count} total, ${count} started, ${count} done, ${count} succeeded, 0 failed, 0 errored, 0 timeout`
      t.match(`${stdout}`, all)
      t.match(`${stdout}`, `status codes: ${count} 2xx, 0 3xx, 0 4xx, 0 5xx`)
      const data = Number(/\((\d+)\) data$/m.exec(`${stdout}`)?.[1])
      t.equal(data, count * BODIES[target].length, 'bytes of bodies')
      const { total, counts, backends, received } = await counted()
      t.same([total, counts[0]! + counts[1]!, received], [asked, asked, uploaded])
      const alike = counts.map((total) => ({ total, responses: { '2xx': total } }))
      t.match(backends, alike, 'each backend by itself')
    }
  })

const responsesOf = (backends: Statistics['backends']) =>
  backends.reduce((sum, { responses }) => sum + responses['2xx'], 0)

/** How wrk tells what it saw. Without a pause its connections would take all of the processor. */
const REPORT = `
function delay()
  return 20
end
done = function(summary)
  local e = summary.errors
  io.write(string.format('requests %d errors %d', summary.requests, e.connect + e.read + e.write + e.status + e.timeout))
end`

test('wrk meets no error, and all count the same', async (t) => {
  if (!needs(t, 'wrk')) return
  const { origin, counted } = await open(t)
  const script = path.join(t.testdir(), 'report.lua')
  writeFileSync(script, REPORT)
  const flags = ['-t', '1', '-c', `${CONNECTIONS}`, '-d', '1s', '--timeout', '10s', '-s', script]
  let [asked, cut] = [0, 0]
  for (const target of ['/small', '/large']) {
    const { code, stdout } = await command(t, 'wrk', [...flags, `${origin}${target}`])
    t.equal(code, 0, target)
    const [, requests, errors] = /requests (\d+) errors (\d+)/.exec(`${stdout}`) ?? []
    t.equal(errors, '0')
    asked += Number(requests)
    // Those that are under way at the end it does not count, nor need they get as far as a backend.
    cut += CONNECTIONS
    const { total, counts, backends } = await counted()
    t.ok(asked > 0 && total >= asked && total <= asked + cut, `${asked} of ${total}`)
    for (const sum of [counts[0]! + counts[1]!, responsesOf(backends)])
      t.ok(sum >= asked && sum <= total, `${sum} at the backends`)
  }
})
