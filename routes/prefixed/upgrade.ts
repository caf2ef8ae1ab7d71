import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { connectionOptions } from '../../lib/base/http/field-names.js'
import { offeredProtocols } from '../../lib/listener/http1/upgradable-request.js'
import { inTurn, responseOn } from '../../lib/proxy/response/detached-socket.js'
import type { Prefix } from '../../lib/routing/prefix.js'

/** A request for a change of protocol, which Node has taken out of HTTP. */
export interface Upgrade {
  readonly protocols: string
  /** What the client has sent behind its request. */
  readonly early: Buffer
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/** What a request wants to change to; undefined if it is one of HTTP. */
export function upgradeOf(req: IncomingMessage): Upgrade | undefined {
  return upgrades.get(req)
}

/** The prefixes of each server below which connections may change their protocol. */
const prefixes = new WeakMap<Server, Prefix[]>()

/**
 * Has requests below a prefix that want to change the protocol go through the hooks and routes of the application as
 * others do. Node hands all such requests of a server to whoever listens for one: where nobody else does, the others go
 * on without that wish, as if nobody listened.
 */
export function acceptUpgrades(fastify: FastifyInstance, prefix: Prefix): void {
  const { server } = fastify
  const known = prefixes.get(server)
  if (known) {
    known.push(prefix)
    return
  }
  const own = [prefix]
  prefixes.set(server, own)
  const sockets = new Set<Socket>()
  const serveLast = (req: IncomingMessage, socket: Socket) => {
    const res = responseOn(socket, req)
    // Nobody would read what follows a response.
    res.shouldKeepAlive = false
    fastify.routing(req, res)
  }
  server.on('upgrade', (req: IncomingMessage, socket: Socket, early: Buffer) => {
    const protocols = own.some((each) => each.covers(req.url!)) ? offeredProtocols(req) : undefined
    if (protocols === undefined) {
      if (server.listenerCount('upgrade') === 1)
        inTurn(socket, () => {
          // From Node 26 on the body of such a request is read by Node itself, so that it cannot be read again.
          if (!req.complete || req.readableLength > 0) serveLast(req, socket)
          else giveBack(server, req, socket, early)
        })
      return
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    inTurn(socket, () => {
      upgrades.set(req, { protocols, early })
      serveLast(req, socket)
    })
  })
  // Those that have changed are not counted among the connections of HTTP that a server closes.
  fastify.addHook('preClose', async () => {
    for (const socket of sockets) socket.destroySoon()
  })
}

/** Has a request read again, without the fields that want a change of protocol: a server may ignore them (RFC 9110 section 7.8). */
function giveBack(server: Server, req: IncomingMessage, socket: Socket, early: Buffer): void {
  const { rawHeaders } = req
  let head = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (name === 'upgrade' || name === 'http2-settings') continue
    const value = name === 'connection' ? withoutUpgrade(rawHeaders[i + 1]!) : rawHeaders[i + 1]!
    if (value !== '' || name !== 'connection') head += `${rawHeaders[i]}: ${value}\r\n`
  }
  socket.unshift(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), early]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}

const withoutUpgrade = (value: string) =>
  connectionOptions(value)
    .filter((option) => option !== 'upgrade' && option !== 'http2-settings')
    .join(', ')
