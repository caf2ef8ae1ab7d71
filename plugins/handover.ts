import { setTimeout } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { keepOnly } from '../lib/base/signal-listeners.js'
import type { Config } from '../lib/config/load.js'
import { PidFile } from '../lib/service/pid-file.js'
import type { Predecessor } from '../lib/service/predecessor.js'
import { type Command, Successor } from '../lib/service/successor.js'
import { whyNoSuccessor } from '../lib/service/supervision.js'
import { version } from '../package.json'

const SIGNAL = 'SIGUSR2'
/** For a successor to be ready; the first checks take up to 5 s of it. */
const READY_WITHIN_MS = 60_000
/** For all threads to listen: those that do not are started again later. */
const THREADS_WITHIN_MS = 10_000
/** Time for the end of a successor that is given up on, beside its drain. */
const CLOSE_MARGIN_MS = 10_000

interface Options {
  readonly config: Config
  /** The process that this one is to take over from. */
  readonly predecessor: Predecessor | undefined
  /** What this process was started with. */
  readonly command: Command
}

/**
 * Takes over from the process that has started this one, once it serves; and on SIGUSR2 starts the next one, which takes
 * over from this one in the same way. Until that serves, and if it never does, this process goes on as before.
 */
export default fp<Options>(
  async (fastify, { config, predecessor, command }) => {
    const { log, registry, drainTerms, listeningSockets, serviceManager, succession } = fastify
    const pidFile = config.pidFile === '' ? undefined : new PidFile(config.pidFile)
    let refusal: string | undefined
    let isServing = false
    /** The signal has come before that. */
    let isWanted = false
    let successor: Successor | undefined
    const isClosing = () => registry.draining

    const ignoreErrors = predecessor && listeningSockets.onError(({ message }) => predecessor.fail(message))
    const begin = async () => {
      await Promise.race([
        fastify.threadGroup?.listening,
        setTimeout(THREADS_WITHIN_MS, undefined, { ref: false })
      ])
      // One of them could not listen, and the process ends.
      if (isClosing() || !listeningSockets.areListening) return
      await predecessor?.takeOver(version)
      ignoreErrors?.()
      if (isClosing()) return
      refusal = whyNoSuccessor(process)
      try {
        pidFile?.write()
      } catch (error) {
        log.error({ err: error }, `LB_PID_FILE could not be written: ${(error as Error).message}`)
      }
      void serviceManager?.ready(predecessor !== undefined)
      serviceManager?.watch(process.env, predecessor !== undefined)
      isServing = true
      if (isWanted) onSignal()
    }

    const handOver = async () => {
      log.info(`${SIGNAL}: starting a process that is to take over`)
      void serviceManager?.status('Starting a process that is to take over')
      const next = new Successor(
        command,
        listeningSockets.open,
        READY_WITHIN_MS,
        config.drainTimeoutMs + CLOSE_MARGIN_MS
      )
      successor = next
      succession.hasBegun = true
      try {
        const { pid, version } = await next.ready
        if (isClosing()) return
        log.info({ successor: pid, version }, `Process ${pid}, version ${version}, has taken over`)
        refusal = `process ${pid} has taken over: send it there`
        serviceManager?.beSilent()
        next.takeOver()
      } catch (error) {
        if (isClosing()) return
        const reason = (error as Error).message
        log.error({ reason }, `No process has taken over, and this one goes on: ${reason}`)
        void serviceManager?.ready()
        successor = undefined
        succession.hasBegun = false
        return
      }
      successor = undefined
      drainTerms.handOver()
      try {
        await fastify.close()
      } finally {
        process.exit()
      }
    }

    const onSignal = () => {
      const why = successor ? 'another process is starting to take over already' : refusal
      if (why !== undefined) log.warn(`${SIGNAL} has no effect: ${why}`)
      else if (isServing) void handOver()
      else isWanted = true
    }
    // Without a listener it would end the process.
    process.on(SIGNAL, onSignal)
    // fastify-cli's would have it drain, and in a drain end at once.
    const ignoreOthers = async () => keepOnly(SIGNAL, onSignal)
    fastify.addHook('onReady', ignoreOthers)
    fastify.addHook('onListen', async () => void begin())
    fastify.addHook('preClose', async () => {
      refusal ??= 'this process is draining'
      successor?.abort()
      await ignoreOthers()
    })
    fastify.addHook('onClose', async () => {
      process.removeListener(SIGNAL, onSignal)
      pidFile?.remove()
    })
  },
  { name: 'handover', dependencies: ['listening-sockets', 'graceful-shutdown', 'service-manager'] }
)
