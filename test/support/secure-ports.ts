import { request } from 'node:http'
import { request as requestSecurely } from 'node:https'
import type { ConnectionOptions } from 'node:tls'

/** How clients connect to the balancers that speak TLS, by their port. */
export const securePorts = new Map<number, ConnectionOptions>()

/** What every balancer from now on is started with. */
export const everywhere: {
  env?: Readonly<Record<string, string>>
  /** For clients, to whom they speak TLS then. */
  client?: ConnectionOptions
  /** Of those that are processes of their own. */
  threads?: number
} = {}

/** What a balancer has to be told to speak HTTP/2: nothing, where it speaks TLS. */
export const forHttp2 = (): Readonly<Record<string, string>> => (everywhere.client ? {} : { LB_H2C: 'true' })

/** The status that a page of a balancer is answered with, by TLS if it speaks that. */
export async function statusOfPage(port: number, path: string): Promise<number> {
  const secure = securePorts.get(port)
  const options = { host: '127.0.0.1', port, path, headers: { connection: 'close' }, agent: false }
  return new Promise((resolve, reject) => {
    // `fetch` takes three times as long, and a tenth of a second to load.
    const asked = secure ? requestSecurely({ ...options, ...secure }) : request(options)
    asked.on('response', (res) => resolve(res.resume().statusCode!))
    asked.on('error', reject).end()
  })
}
