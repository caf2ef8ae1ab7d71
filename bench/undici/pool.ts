import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { Client, type Dispatcher, Pool } from 'undici'

import type { BackendPool, PooledOrigin, PoolOptions } from '../../lib/transport/backend-connections'
import type { OutgoingRequest, ResponseHandler } from '../../lib/transport/backend-stream'
import { authorityOf } from '../../lib/transport/origin'
import { dispatchOptions } from './dispatch-options'
import { UndiciStream } from './stream'
import type { UndiciTunnel } from './tunnel'
import { UploadBody } from './upload-body'

/** undici's client, which tells each request how many its connection has had. */
class CountingClient extends Client {
  requests = 0

  constructor(origin: string | URL, options: Client.Options) {
    super(origin, options)
    // It connects for a request that it has taken.
    this.on('connect', () => {
      this.requests = 1
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.requests++
    ;(handler as UndiciStream).client = this
    return super.dispatch(options, handler)
  }
}

/**
 * The connections to one backend as undici makes and keeps them: a `Pool` that opens another one whenever all are busy,
 * with one request at a time on each. HTTP/1.1 alone.
 */
export function createUndiciPool(config: PooledOrigin, options: PoolOptions): BackendPool {
  const origin = `${config.protocol}//${authorityOf(config)}`
  const clientOptions = { ...clientOptionsOf(config, options), pipelining: 1 }
  const pool = new Pool(origin, {
    ...clientOptions,
    factory: (url, given) => new CountingClient(url, given as Client.Options)
  })
  const servername = servernameOf(config, options)
  const tunnels = new Set<UndiciTunnel>()
  /** Of requests that must not go on a connection that has carried others; undici's pool has no word for that. */
  const singles = new Set<Client>()
  const owner = {
    onTunnel(tunnel: UndiciTunnel, socket: Duplex) {
      tunnels.add(tunnel)
      socket.on('close', () => tunnels.delete(tunnel))
    }
  }
  const dispatch = (request: OutgoingRequest, handler: ResponseHandler): void => {
    const body = request.body && uploadOf(request)
    const stream = new UndiciStream(request, handler, body, owner)
    const dispatched = dispatchOptions(request, body)
    // Or undici would ask for, and verify, the name in the Host that the client sent.
    if (servername !== undefined) Object.assign(dispatched, { servername })
    if (!handler.needsNewConnection) {
      pool.dispatch(dispatched, stream)
      return
    }
    const client = new CountingClient(origin, clientOptions)
    singles.add(client)
    client.dispatch(dispatched, stream)
    void client.close().then(() => singles.delete(client))
  }
  return {
    dispatch,
    async close() {
      await pool.close()
    },
    async destroy() {
      for (const tunnel of tunnels) tunnel.destroy()
      await Promise.all([pool.destroy(), ...[...singles].map((client) => client.destroy())])
    }
  }
}

function uploadOf({ body, retryBuffer, replayable }: OutgoingRequest): UploadBody {
  if (!replayable && retryBuffer && !retryBuffer.hasStarted) retryBuffer.discard()
  return new UploadBody(body!, retryBuffer?.isComplete ? retryBuffer : undefined)
}

function clientOptionsOf(config: PooledOrigin, options: PoolOptions) {
  const { connectTimeoutMs, bufferSizeBytes, credentials, resolver, maxHeadBytes } = options
  const { protocol, socketPath, tlsNoVerify } = config
  return {
    maxHeaderSize: maxHeadBytes,
    allowH2: false,
    ...(socketPath === undefined ? {} : { socketPath }),
    connect: {
      timeout: connectTimeoutMs,
      highWaterMark: bufferSizeBytes,
      ...(resolver && socketPath === undefined ? { lookup: resolver.lookup } : {}),
      ...(protocol === 'https:'
        ? { secureContext: credentials.context, rejectUnauthorized: !tlsNoVerify }
        : {})
    }
  }
}

function servernameOf({ protocol, tlsName, hostname }: PooledOrigin, options: PoolOptions) {
  if (protocol !== 'https:') return undefined
  const name = tlsName ?? options.servername ?? hostname
  return isIP(name) === 0 ? name : undefined
}
