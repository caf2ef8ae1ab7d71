import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { describeNetworkError } from '../../../base/network-error.js'
import type { Exchange, ExchangeListener, Query } from './exchange.js'
import { encodeQuery, isResponse, isTruncated, readReply } from './message.js'

/**
 * Sends a query in a datagram, from a port of its own: whoever wants to reply in place of the server has to guess that and the
 * id. The socket is connected, so the system drops what comes from another address.
 */
export function sendByUdp({ server, question, isExtended }: Query, listener: ExchangeListener): Exchange {
  const id = randomInt(0x1_0000)
  const socket = createSocket(isIPv6(server.hostname.replace(/%.*$/, '')) ? 'udp6' : 'udp4').unref()
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    socket.close()
  }
  const onFailure = (error: Error) => {
    if (isClosed) return
    close()
    listener.onFailure(describeNetworkError(error))
  }
  socket.on('error', onFailure)
  socket.on('message', (message) => {
    if (isClosed || !isResponse(message, id)) return
    if (isTruncated(message)) {
      close()
      listener.onTruncated()
      return
    }
    const reply = readReply(message, question, (reason) => listener.onOdd(reason))
    if (!reply) return
    close()
    listener.onReply(reply)
  })
  socket.connect(server.port, server.hostname, () => {
    if (!isClosed) socket.send(encodeQuery(question, id, isExtended), (error) => error && onFailure(error))
  })
  return { close }
}
