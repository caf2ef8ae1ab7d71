import type { Target } from './connection'
import { holdIdle } from './holders'
import { Http2Connection } from './http2-connection'

const withinMs = 5000

/** An answer to the one request of a connection, which is still open. */
interface Answer {
  /** Of its body; undefined unless it is whole and good. */
  bytes: number | undefined
  close(): void
}

/** What a server answers over HTTP/2: `200 with 33 bytes`, or what was wrong. */
export async function answerOverHttp2(target: Target): Promise<string> {
  const { bytes, close } = await ask(target)
  close()
  return bytes === undefined ? `no good answer within ${withinMs / 1000} s` : `200 with ${bytes} bytes`
}

/** Connections of HTTP/2 that stay open, unused, after one request each. Resolves with how many had their answer. */
export function holdIdleHttp2(target: Target, connections: number): Promise<number> {
  return holdIdle(target, connections, async (target) => (await ask(target)).bytes !== undefined)
}

function ask(target: Target): Promise<Answer> {
  return new Promise((resolve) => {
    let received = 0
    let hasGoodHead = false
    const settle = (bytes: number | undefined) => {
      clearTimeout(timer)
      resolve({ bytes, close: () => connection.close() })
    }
    const timer = setTimeout(() => settle(undefined), withinMs)
    const connection = new Http2Connection(target, {
      connected: () => connection.get(),
      headed: (_streamId, isGood) => {
        hasGoodHead = isGood
      },
      received: (_streamId, bytes) => {
        received += bytes
      },
      ended: (_streamId, isWhole) => settle(isWhole && hasGoodHead ? received : undefined),
      lost: () => settle(undefined)
    })
  })
}
