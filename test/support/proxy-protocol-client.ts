import { Agent, request } from 'node:http'
import type { Test } from 'tap'
import type { AnnouncedBackend } from './proxy-protocol-backend.js'
import { atEnd } from './test.js'

/** A request over a connection of an agent; its status, or 0 for none. */
export function ask(
  port: number,
  agent: Agent,
  headers: Record<string, string> = {},
  path = '/',
  localAddress = '127.0.0.1'
): Promise<number> {
  return new Promise((resolve) => {
    const req = request({ host: '127.0.0.1', port, path, agent, headers, localAddress }, (res) => {
      res
        .resume()
        .on('end', () => resolve(res.statusCode!))
        .on('error', () => resolve(0))
    })
    req.on('error', () => resolve(0)).end()
  })
}

export function agentOf(t: Test): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  return agent
}

/** No request came by a connection that had been announced as another client's. */
export function checkAnnounced(t: Test, backend: AnnouncedBackend): void {
  const owners = new Map<number, string>()
  for (const { header, client, connection, req } of backend.requests) {
    if (header.source?.address !== client)
      t.fail(`${req.url} of ${client} came as of ${header.source?.address}`)
    const owner = owners.get(connection) ?? client
    if (owner !== client) t.fail(`a connection was ${owner}'s and ${client}'s`)
    owners.set(connection, client)
  }
  t.same(backend.refused, [])
}

/** As `LB_BACKENDS` has it. */
export const withOptions = (backend: AnnouncedBackend, options: string, scheme = '') =>
  `${scheme}${backend.address}${options}`
