import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'

import { readTls } from './tls'

// @fastify/reply-from as it comes: what its README shows for several backends, and no option beyond that.
// Bodies are streams that Fastify does not read, or else it would refuse what it cannot parse, and anything over 1 MiB.
// The accept queue is as long as everyone's here, so that all proxies get all connections at once.

const [port, ...backends] = process.argv.slice(2)

const server = fastify({ https: readTls() ?? null })

server.register(replyFrom, { base: backends.map((backend) => `http://${backend}`) })

server.removeAllContentTypeParsers()
server.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

server.all('/*', (_request, reply) => reply.from())

server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
