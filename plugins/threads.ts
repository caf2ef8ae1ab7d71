import fp from 'fastify-plugin'
import { DEFAULT_POOL } from '../lib/admin/pool-set.js'
import type { CellDirectory } from '../lib/base/cells/directory.js'
import type { Config, GivenConfig } from '../lib/config/load.js'
import { applyFailure } from '../lib/pool/backend-failure.js'
import { clearThread } from '../lib/pool/clear-thread.js'
import { backendsOf } from '../lib/threads/announce-backends.js'
import { duplicateListening } from '../lib/threads/listening-handle.js'
import type { FollowedState, FollowerReport } from '../lib/threads/messages.js'
import { ThreadGroup } from '../lib/threads/thread-group.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The other threads of this balancer. */
    threadGroup: ThreadGroup
  }
}

interface Options {
  readonly config: Config
  /** The file that they run. */
  readonly entry: string
  readonly directory: CellDirectory
  /** What the configuration was read from, as it is now. */
  readonly given: () => GivenConfig
}

/** Starts the other threads when this one listens, decides for them, and has them drain with it. */
export default fp<Options>(
  async (fastify, { entry, directory, given }) => {
    const { cells, log, server } = fastify
    const pools = () =>
      fastify.routedPools?.running.map(({ given: { name }, instance }) => ({ name, instance })) ?? [
        { name: DEFAULT_POOL, instance: fastify }
      ]
    const state = (): FollowedState => ({
      given: given(),
      pools: pools().map(({ name, instance }) => ({
        name,
        cells: instance.cells.name,
        backends: backendsOf(instance.registry)
      })),
      routes: new Map(fastify.router?.routes.map(({ name, counts }) => [name, counts.place]))
    })
    const onReport = (message: FollowerReport) => {
      if (message.kind === 'shortage') {
        fastify.shortages.relay(message.report)
        return
      }
      const { pool, id, report } = message
      const instance = pools().find((known) => known.instance.cells.name === pool)?.instance
      const backend = instance?.registry.backendWithId(id)
      if (!instance || !backend) return
      const { registry, ejection } = instance
      if (report.kind === 'failure')
        applyFailure(registry, backend, report.code, report.detail, report.unreachable)
      else if (report.kind === 'eject') ejection?.eject(backend, report.reason, report.isIndefinite)
      else ejection?.end(backend, report.reason)
    }
    const group = new ThreadGroup({
      entry,
      cells,
      allCells: () => directory.all,
      drainTerms: fastify.drainTerms,
      log,
      logLevel: log.level,
      started: given(),
      state,
      listening: () => duplicateListening(server),
      onAdminPort: (port) => fastify.answerThread(port),
      onReport,
      onDeath: (thread) => {
        fastify.clientCounts?.clearThread(thread)
        fastify.sharedRateLimits?.clearThread(thread)
        return clearThread(directory.all, cells.threads, thread)
      }
    })
    directory.onChange = (change) => group.tell({ kind: 'cells', change })
    fastify.decorate('threadGroup', group)
    // Who listens after this one, such as for SIGHUP, does not wait for them.
    fastify.addHook('onListen', async () => void group.start())
    let closed: Promise<boolean> | undefined
    fastify.addHook('preClose', async () => {
      closed = group.close()
    })
    fastify.addHook('onClose', async () => {
      // fastify-cli exits with 0 when everything is closed, even if it was cut.
      if (await closed) process.once('exit', () => (process.exitCode = 1))
    })
  },
  { name: 'threads', dependencies: ['backend-registry', 'graceful-shutdown', 'admin-relay'] }
)
