import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http'
import type { ClientLimits } from '../../listener/client-limits.js'
import { refusesFurtherRequests } from '../../listener/http1/client-connection.js'
import { BAD_REQUEST, UNKNOWN_METHOD } from '../failure.js'
import { checkRequest } from '../request/request-check.js'
import { Http1Response } from '../response/http1-response.js'
import { replyWithRedirect, sendLocalReply } from './local-reply.js'
import { answerParserErrors } from './parser-errors.js'

const HTTPS_PORT = 443
const PORT = /:\d*$/

/**
 * A server of plain HTTP that redirects every request to the same host and target at `https://`. With `308` method and
 * body stay as they are. A request that could be read in two ways is refused, as elsewhere.
 * @param portOf the port to redirect to
 */
export function redirectServer(
  options: ServerOptions,
  limits: Pick<ClientLimits, 'headers' | 'targetBytes' | 'bodyBytes'>,
  portOf: () => number
): Server {
  const redirect = (req: IncomingMessage, res: Http1Response) => {
    if (refusesFurtherRequests(req.socket)) return
    const destination = checkRequest(req, req.url!, limits)
    if ('statusCode' in destination) {
      sendLocalReply(req, res, destination)
      return
    }
    const { path, authority = req.headers.host ?? '' } = destination
    const host = authority.replace(PORT, '')
    // `OPTIONS *` is about the server itself, and has no other place.
    if (host === '' || path === '*') {
      sendLocalReply(req, res, BAD_REQUEST)
      return
    }
    const port = portOf()
    replyWithRedirect(req, res, `https://${host}${port === HTTPS_PORT ? '' : `:${port}`}${path}`)
  }
  const server = createServer({ ...options, ServerResponse: Http1Response }, redirect)
  server.maxHeadersCount = 0
  answerParserErrors(server, options.maxHeaderSize!, (req, res) => sendLocalReply(req, res, UNKNOWN_METHOD))
  // The body is for the server that the client is sent to.
  return server.on('checkContinue', redirect)
}
