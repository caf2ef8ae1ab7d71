import type { SharedCells } from '../../lib/base/cells/shared-cells.js'
import { LatencyWindow } from '../../lib/base/latency/latency-window.js'
import { loadConfig } from '../../lib/config/load.js'
import { RequestMetrics } from '../../lib/observe/metrics/request-metrics.js'
import { BalancerCell } from '../../lib/pool/cells.js'
import type { Registry } from '../../lib/pool/registry.js'
import type { EndedRequest } from '../../lib/proxy/ended-request.js'
import type { Exchange } from '../../lib/proxy/exchange.js'
import { Forwarder } from '../../lib/proxy/forwarder.js'
import type { TrafficListeners } from '../../lib/proxy/forwarder-options.js'
import { sendLocalReply } from '../../lib/proxy/local-reply/local-reply.js'
import type { FakeClient } from './fake-client.js'
import { fakePool } from './fake-pool.js'

/** A forwarder in front of backends that answer as the test says; the first of equals is chosen. */
export function forwarderTo(
  backends: string,
  env: Record<string, string> = {},
  more: Partial<TrafficListeners> = {},
  cells?: SharedCells,
  predecessor?: Registry
) {
  const pool = fakePool(backends, cells, predecessor)
  const { registry } = pool
  const config = loadConfig({ LB_BACKENDS: backends, LB_ALGORITHM: 'round-robin', ...env })
  const outlierEvents: string[] = []
  const rejected: string[] = []
  const ended: EndedRequest[] = []
  const forwarder = new Forwarder(
    registry,
    { ...config, trusted: config.trustedProxies },
    {
      metrics: new RequestMetrics(registry),
      latency: new LatencyWindow(),
      outlierDetector: {
        onError: ({ address }) => outlierEvents.push(`error ${address}`),
        onLoss: ({ address }) => outlierEvents.push(`loss ${address}`),
        onSuccess: ({ address }) => outlierEvents.push(`success ${address}`)
      },
      unresponsiveDetector: undefined,
      endListeners: [{ record: (request) => ended.push(request) }],
      tracing: undefined,
      onShortage: (missing) => outlierEvents.push(`lacks ${missing}`),
      rejectRequest: (_req, _res, { code }) => rejected.push(code),
      ...more
    }
  )
  const open = (client: FakeClient) => {
    const exchange = forwarder.open(client.req, client, client.req.url!, 'id')
    exchange?.start(() => respond(exchange, client))
    return exchange
  }
  const idle = () => {
    const { counters, backends: all } = registry
    return [
      counters.sum(BalancerCell.inFlight),
      counters.sum(BalancerCell.retrying),
      counters.sum(BalancerCell.queued),
      ...all.map(({ active }) => active)
    ].every((count) => count === 0)
  }
  return { ...pool, forwarder, open, idle, outlierEvents, rejected, ended }
}

export function respond(exchange: Exchange, client: FakeClient): void {
  if (exchange.failure) sendLocalReply(client.req, client, exchange.failure)
  else exchange.writeHead()
}
