import { ConnectionClosed } from '../../lib/transport/connection-closed'
import { BrokenResponse, HeadTooLarge } from '../../lib/transport/http1/broken-response'
import { ConnectTimeout } from '../../lib/transport/sockets/open-socket'

/** An error of undici's as the one that the balancer's own connections tell of the same. */
export function translated(error: Error): Error {
  const { code } = error as { code?: string }
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return new ConnectTimeout()
    // The other side has closed, or has sent what undici did not expect.
    case 'UND_ERR_SOCKET':
      return error.message.startsWith('bad ') ? new BrokenResponse(error.message) : new ConnectionClosed()
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return new ConnectionClosed()
    case 'UND_ERR_HEADERS_OVERFLOW':
      return new HeadTooLarge(false)
    // What it refuses to send is as unanswered as what a backend answers wrongly.
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return new BrokenResponse(error.message)
    default:
      return code?.startsWith('HPE_') ? new BrokenResponse(error.message) : error
  }
}
