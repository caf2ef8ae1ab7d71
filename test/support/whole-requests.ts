import type { Test } from 'tap'
import type { Balancer } from '../helper.js'
import { type FrameBackend, framed, type Peer } from './frame-backend.js'
import { Flag, Type } from './http2-frames.js'
import { RawClient } from './raw-client.js'
import { statusOf } from './wire.js'

/** What is done with a whole request, the `nth` of its connection by the order of their heads. */
export type Act = (id: number, nth: number, peer: Peer) => void

/** A backend of HTTP/2 that acts on whole requests. */
export function acting(t: Test, act: Act, greet?: (peer: Peer) => void): Promise<FrameBackend> {
  return framed(
    t,
    ({ type, flags, id }, peer) => {
      if (type <= Type.headers && (flags & Flag.endStream) !== 0 && !peer.socket.destroyed)
        act(id, peer.requests.findIndex((head) => head.id === id) + 1, peer)
    },
    greet
  )
}

/** Has so many clients send so many requests each; returns how many were answered well. */
export async function answeredOf(
  t: Test,
  { port }: Balancer,
  clients: number,
  requests: number,
  bytes: string
): Promise<number> {
  let right = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = await RawClient.open(t, port)
      for (let i = 0; i < requests; i++) {
        client.send(bytes)
        const response = await client.response()
        if (statusOf(response) === 200) right++
        else t.comment(`${response.startLine} ${response.body}`)
      }
    })
  )
  return right
}
