import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import type { AdminClient } from '../lib/admin/client.js'
import { ConfigError } from '../lib/config/load.js'
import { parseBackends } from '../lib/pool/spec/backend-spec.js'
import { specOf } from '../lib/pool/spec/json-spec.js'

const NAME = 'its address, as "lb status" shows it'

/** What is said of an error before the process ends with 1. */
export function complaint(error: unknown): string {
  return error instanceof ConfigError ? error.message : `lb: ${(error as Error).message}`
}

/** Adds the commands that show and change a running balancer. */
export function addAdminCommands(program: Command): void {
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .helpOption('-h, --help', 'show this help')
      .addOption(new Option('--url <url>', 'of the balancer').argParser(readUrl))
  const acting = (name: string, description: string) => command(name, description).argument('<name>', NAME)
  const shows = async (act: (client: AdminClient) => Promise<unknown>, { url }: { url?: string }) => {
    const { statusTable } = await import('../lib/admin/text-table.js')
    const client = await clientFor(url)
    await act(client)
    console.log(statusTable(await client.backends()))
  }

  command('status', 'shows the backends').action((options) => shows(async () => {}, options))
  command('top', 'shows what happens, live, until q or ^C').action(async ({ url }) => {
    const { top } = await import('./top.js')
    await top(await clientFor(url))
  })
  acting('drain', 'gives a backend no new requests').action((name, options) =>
    shows((client) => client.change(name, { draining: true }), options)
  )
  acting('undrain', 'ends that').action((name, options) =>
    shows((client) => client.change(name, { draining: false }), options)
  )
  acting('weight', 'sets the share of a backend')
    .argument('<n>', 'in proportion to the others', readWhole)
    .action((name, weight, options) => shows((client) => client.change(name, { weight }), options))
  acting('health', 'sets the health of a backend, or leaves it to its checks')
    .addArgument(new Argument('<health>').choices(['auto', 'healthy', 'unhealthy']))
    .action((name, health, options) => shows((client) => client.change(name, { health }), options))
  acting('reset', 'ends an ejection, and forgets what led to it').action((name, options) =>
    shows((client) => client.reset(name), options)
  )
  command('add', 'adds a backend')
    .argument('<spec>', 'as in LB_BACKENDS, such as "app3:3000;weight=2"', readSpec)
    .action((spec, options) => shows((client) => client.add(spec), options))
  acting('remove', 'removes a backend, which finishes its requests').action((name, options) =>
    shows((client) => client.remove(name), options)
  )
}

/** A client of the balancer on this machine, or of `url`. It is loaded only here, as the balancer needs none. */
async function clientFor(url: string | undefined): Promise<AdminClient> {
  const { AdminClient } = await import('../lib/admin/client.js')
  // The balancer reads it as well, with the same precedence.
  try {
    process.loadEnvFile()
  } catch {
    // There may be none.
  }
  const { LB_ADMIN_PORT, FASTIFY_PORT, PORT, LB_ADMIN_TOKEN = '' } = process.env
  const port = LB_ADMIN_PORT || FASTIFY_PORT || PORT || '80'
  return new AdminClient(url ?? `http://127.0.0.1:${port}`, LB_ADMIN_TOKEN.trim())
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username)
    return url.origin
  throw new InvalidArgumentError('It must be such as http://127.0.0.1:8000.')
}

function readWhole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

function readSpec(text: string) {
  const faults: string[] = []
  const [config, another] = parseBackends(text, (fault) => void faults.push(fault))
  if (another) faults.push('it must be one backend')
  if (!config || faults.length > 0) throw new InvalidArgumentError(faults.join('; '))
  return specOf(config)
}
