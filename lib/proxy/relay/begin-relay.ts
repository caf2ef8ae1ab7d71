import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { Sessions } from '../../balancing/sticky.js'
import { isSecure } from '../../listener/client/client-address.js'
import type { Backend } from '../../pool/backend.js'
import type { BackendStream } from '../../transport/backend-stream.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { ForwardedBy } from '../request/forwarding-fields.js'
import type { ClientStream } from '../response/client-stream.js'
import { hstsLine } from '../response/hsts.js'
import { headWithPage, PageRelay, pageInPlaceOf } from './page-relay.js'
import type { Relay } from './relay.js'
import { ResponseRelay } from './response-relay.js'

/** What the head of a response needs of its pool. */
export interface RelayContext {
  readonly registry: { readonly draining: boolean }
  /** Undefined if clients are not kept on backends. */
  readonly sessions: Sessions | undefined
  /** Proxies whose word on the client is believed. */
  readonly trusted: BlockList
}

/** Whose response it is. */
export interface RelayOwner {
  readonly req: IncomingMessage
  readonly res: ClientStream
  readonly by: Pick<ForwardedBy, 'route'>
  readonly forwarding: RelayContext
}

/** Writes status and fields of a backend's response to the client, with those that the balancer adds and its route changes. */
export function beginRelay(
  { req, res: client, by, forwarding }: RelayOwner,
  head: ResponseHead,
  { backend, stream }: { readonly backend: Backend; readonly stream: BackendStream | undefined }
): Relay {
  const { registry, sessions, trusted } = forwarding
  const edits = by.route?.responseEdits
  const page = pageInPlaceOf(req, by.route, head.statusCode)
  const sent = page ? headWithPage(head, page) : head
  if (edits) sent.text = edits.applyTo(sent.text, sent.text.indexOf('\n') + 1)
  const cookieLine = sessions?.setCookieLine(req, backend, isSecure(req, trusted)) ?? ''
  client.begin(sent, hstsLine(req.socket, sent.text) + cookieLine, registry.draining)
  return page
    ? new PageRelay(client, page)
    : new ResponseRelay(client, stream!, head.contentLength, !req.complete)
}
