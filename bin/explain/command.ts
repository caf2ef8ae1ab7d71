import type { Command } from 'commander'
import type { Report } from './report.js'

/** The exit code by what becomes of a request; 1 is that of errors. */
function exitCodeOf({ outcome, hasRoutes, route }: Report): number {
  if (outcome === 'ambiguous-path') return 3
  const isLost = outcome === 'no-route' || (outcome === 'refused' && hasRoutes && route === null)
  return isLost ? 2 : 0
}

interface Options {
  readonly header: readonly string[]
  readonly client: string
  readonly port?: string
  readonly tlsName?: string
  readonly config?: string
  readonly all?: true
  readonly json?: true
}

/** Adds the command that says what would become of a request. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('says which route and pool a request has and why, and what the backend gets')
    .argument('<method>', 'such as GET')
    .argument('<url>', 'such as http://app.example/path, or a path; it is taken as it is written')
    .helpOption('-h, --help', 'show this help')
    .option('-H, --header <field>', 'such as "X-Version: 2"; may be repeated', collect, [])
    .option('--client <address>', 'that the request comes from', '127.0.0.1')
    .option('--port <port>', 'of the balancer that it comes to (default: PORT)')
    .option('--tls-name <name>', 'that the client asks for in its handshake (default: the host of the URL)')
    .option('--config <file>', 'in place of that of LB_CONFIG')
    .option('--all', 'names all other routes, those for other hosts and paths too')
    .option('--json', 'as JSON, for programs')
    .addHelpText(
      'after',
      '\nExit codes: 0 for a route or an answer, 1 for an error, 2 for no route, 3 for an ambiguous path.'
    )
    .allowExcessArguments(false)
    .action(explain)
}

const collect = (value: string, before: readonly string[]) => [...before, value]

async function explain(method: string, url: string, options: Options): Promise<void> {
  const { readEnvFile } = await import('../env-file.js')
  const { loadConfig } = await import('../../lib/config/load.js')
  const { enableHsts } = await import('../../lib/proxy/response/hsts.js')
  const { parsedRequest } = await import('../../lib/proxy/dry-run/parsed-request.js')
  const { dryRunOf } = await import('./dry-run-of.js')
  const { reportOf } = await import('./report.js')
  const { sentRequest } = await import('./request.js')
  readEnvFile()
  const { FASTIFY_PORT, LB_CONFIG } = process.env
  const file = options.config ?? LB_CONFIG
  const config = loadConfig({ ...process.env, ...(file === undefined ? {} : { LB_CONFIG: file }) })
  const { header: headers, client, tlsName } = options
  const port = readPort(options.port ?? FASTIFY_PORT ?? `${config.port}`)
  const isSecureByDefault = config.tls !== undefined
  const given = { method, url, isSecureByDefault, headers, client, port, tlsName }
  const { head, connection } = sentRequest(given)
  const isSecure = connection.tlsName !== undefined
  // The header of the PROXY protocol says which of them the client speaks.
  if (isSecure !== (config.tls !== undefined) && !config.proxyProtocol)
    throw new Error(
      isSecure
        ? 'the balancer has no TLS (LB_TLS_CERT): give a URL that begins with http://'
        : 'the balancer speaks TLS (LB_TLS_CERT): give a URL that begins with https://'
    )
  const req = await parsedRequest(head, connection, config.maxHeadBytes).catch((error) => {
    throw new Error(`it is no request that can be read: ${error.message}`)
  })
  if (isSecure && config.hstsSeconds > 0) enableHsts(req.socket, config.hstsSeconds)
  const dryRun = dryRunOf(config)
  const report = reportOf(config, dryRun, req, options.all === true)
  dryRun.stop()
  req.socket.destroy()
  if (options.json) console.log(JSON.stringify(report, undefined, 2))
  else console.log((await import('./text.js')).reportText(report))
  process.exitCode = exitCodeOf(report)
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`--port must be a port number, but is "${text}"`)
}
