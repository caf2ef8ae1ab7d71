import fp from 'fastify-plugin'
import { DescriptorLimit } from '../lib/base/shortage/descriptor-limit.js'
import { descriptorsNeeded, explainLimit, explainShortage } from '../lib/base/shortage/explanation.js'
import { canOpenFiles } from '../lib/base/shortage/resource.js'
import { type ShortageReport, Shortages } from '../lib/base/shortage/shortages.js'
import type { Config } from '../lib/config/load.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts what failed as this machine was short of descriptors, ports or memory. */
    shortages: Shortages
    descriptorLimit: DescriptorLimit
  }
}

const PROBE_MS = 1000

/** Watches the limit of file descriptors, and logs shortages of descriptors, local ports and socket memory. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { log, ownerLog, cells, followed } = fastify
    const limit = new DescriptorLimit()
    const write = (report: ShortageReport) => {
      const { resource, counts } = report
      const limited = resource === 'descriptors' ? { limit: limit.value } : {}
      log.error({ resource, ...limited, ...counts }, explainShortage(report, limit.value))
    }
    const tellOwner =
      followed && ((report: ShortageReport) => followed.link.send({ kind: 'shortage', report }))
    const shortages = new Shortages(tellOwner ?? write, cells)
    fastify.decorate('descriptorLimit', limit)
    fastify.decorate('shortages', shortages)

    const wanted = descriptorsNeeded(config.maxSockets, config.maxConnections)
    if (limit.value !== undefined && limit.value < wanted)
      ownerLog.warn({ limit: limit.value, wanted }, explainLimit(limit.value, wanted))

    const probe = () => {
      limit.read()
      // Some failures are not reported, such as a connection that libuv could not accept.
      if (!canOpenFiles()) shortages.record('descriptors', 'other')
    }
    const timer = setInterval(probe, PROBE_MS).unref()
    fastify.addHook('onClose', async () => {
      clearInterval(timer)
      shortages.flush()
      limit.close()
    })
  },
  { name: 'shortages', dependencies: ['cells'] }
)
