import type { Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { speaksTls } from '../lib/listener/client/connection-info.js'
import { enableHsts } from '../lib/proxy/response/hsts.js'
import { ThreadServer } from '../lib/threads/connections.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers the requests for `/__lb/` that come to another thread, until that is no more. */
    answerThread(port: MessagePort): void
  }
}

const CHECK_MS = 20

/** Answers requests for `/__lb/` that have come to other threads. A drain lets those that have begun end. */
export default fp<{ config: Config }>(
  async (fastify, { config: { hstsSeconds } }) => {
    const threads = new ThreadServer((connection) => {
      const socket = connection as Socket
      if (hstsSeconds > 0 && speaksTls(socket)) enableHsts(socket, hstsSeconds)
      fastify.serveHttp(socket)
    })
    fastify.decorate('answerThread', (port) => threads.listen(port))
    let deadlineMs = 0
    fastify.addHook('preClose', async () => {
      deadlineMs = performance.now() + fastify.drainTerms.timeoutMs
    })
    fastify.addHook('onClose', async () => {
      while (threads.size > 0 && performance.now() < deadlineMs)
        await new Promise((resolve) => setTimeout(resolve, CHECK_MS))
      threads.close()
    })
  },
  { name: 'admin-relay', dependencies: ['connections'] }
)
