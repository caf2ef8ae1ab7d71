import { randomInt } from 'node:crypto'
import { connect } from 'node:net'
import { describeNetworkError } from '../../../base/network-error.js'
import type { Exchange, ExchangeListener, Query } from './exchange.js'
import { encodeQuery, isResponse, readReply } from './message.js'

/** Messages follow their length (RFC 1035 section 4.2.2), so none is longer than 64 KiB. */
const LENGTH_BYTES = 2

/** Sends a query over a connection of its own. */
export function sendByTcp({ server, question, isExtended }: Query, listener: ExchangeListener): Exchange {
  const id = randomInt(0x1_0000)
  const socket = connect({ host: server.hostname, port: server.port }).unref()
  const chunks: Buffer[] = []
  let received = 0
  let wanted = LENGTH_BYTES
  let isOver = false
  const close = () => {
    isOver = true
    socket.destroy()
  }
  const fail = (reason: string) => {
    if (isOver) return
    close()
    listener.onFailure(reason)
  }
  const onMessage = (message: Buffer) => {
    if (!isResponse(message, id)) return fail('malformed reply')
    const reply = readReply(message, question, fail)
    if (!reply) return
    close()
    listener.onReply(reply)
  }
  socket.on('connect', () => {
    const query = encodeQuery(question, id, isExtended)
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
  })
  socket.on('data', (chunk) => {
    if (isOver) return
    chunks.push(chunk)
    received += chunk.length
    if (received < wanted) return
    const all = Buffer.concat(chunks)
    wanted = LENGTH_BYTES + all.readUInt16BE(0)
    if (received >= wanted) onMessage(all.subarray(LENGTH_BYTES, wanted))
  })
  socket.on('error', (error) => fail(describeNetworkError(error)))
  socket.on('close', () => fail('connection closed'))
  return { close }
}
