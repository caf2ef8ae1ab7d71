import { request } from 'node:https'
import type { ConnectionOptions } from 'node:tls'

/** How clients connect to the balancers that speak TLS, by their port. */
export const securePorts = new Map<number, ConnectionOptions>()

/** Has every balancer from now on speak TLS, with these settings, to clients with these. */
export const everywhere: { env?: Readonly<Record<string, string>>; client?: ConnectionOptions } = {}

/** What a balancer has to be told to speak HTTP/2: nothing, where it speaks TLS. */
export const forHttp2 = (): Readonly<Record<string, string>> => (everywhere.client ? {} : { LB_H2C: 'true' })

/** The status that a page of a balancer is answered with, by TLS if it speaks that. */
export async function statusOfPage(port: number, path: string): Promise<number> {
  const secure = securePorts.get(port)
  const headers = { connection: 'close' }
  if (!secure) return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status
  return new Promise((resolve, reject) => {
    const options = { ...secure, host: '127.0.0.1', port, path, headers, agent: false }
    request(options, (res) => resolve(res.resume().statusCode!))
      .on('error', reject)
      .end()
  })
}
