import { eventually, test } from '../helper.js'
import { openStage } from './harness.js'
import type { Refused } from './refused/case.js'

/** Sooner than the end of a lingering close. */
const PATIENCE_MS = 1800

/**
 * Sends each over a connection of its own: it is refused, the connection is closed, and no byte of it arrives.
 *
 * @param mayBegin a part of the request may arrive before it is found to be broken, which must then be broken off there
 */
export function testRefusals(name: string, cases: readonly Refused[], mayBegin = false): void {
  test(name, async (t) => {
    const stage = await openStage(t)
    for (const { name, section, bytes, statuses } of cases) {
      const before = { bytes: stage.bytes, requests: stage.requests.length }
      const received = stage.received()
      const client = await stage.client()
      client.send(bytes)
      const text = () => client.received.toString('latin1')
      const isAnswered = () => /^HTTP\/1\.1 \d{3} .*\r\n\r\n/s.test(text())
      const isRefused = () => statuses.some((status) => text().startsWith(`HTTP/1.1 ${status} `))
      // One that is not refused need not be waited for.
      await eventually(() => client.closed || (isAnswered() && !isRefused()), PATIENCE_MS).catch(() => {})
      const inUse = () => stage.usedConnections(received)
      if (mayBegin) await eventually(() => inUse() === 0, PATIENCE_MS).catch(() => {})
      const isSilent = client.broken && text() === ''
      t.same(
        {
          answer: isRefused() || isSilent ? 'refused' : text().slice(0, 60),
          answers: text().split('HTTP/1.1 ').length - 1 - Number(!isSilent),
          isClosed: client.closed,
          arrived: mayBegin ? stage.requests.length - before.requests : stage.bytes - before.bytes,
          openAtBackend: inUse()
        },
        { answer: 'refused', answers: 0, isClosed: true, arrived: 0, openAtBackend: 0 },
        `${name} (${section})`
      )
      client.socket.destroy()
      // What is wrong with what arrived was said above.
      stage.faults.length = 0
      if (!(await stage.isWell())) t.fail(`not well after ${name}`)
    }
  })
}
