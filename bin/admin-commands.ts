import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import type { AdminClient, BackendName } from '../lib/admin/client.js'
import { ConfigError } from '../lib/config/load.js'
import { parseBackends } from '../lib/pool/spec/backend-spec.js'
import { specOf } from '../lib/pool/spec/json-spec.js'
import { readEnvFile } from './env-file.js'

const NAME = 'its address, as "lb status" shows it; behind its pool, as in web/app1:3000, if several have it'

interface Options {
  readonly url?: string
  readonly pool?: string
}

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
      .option('--pool <name>', 'where there are several')
  /** A command that changes a backend, and prints those of its pool. */
  const acting = (
    name: string,
    description: string,
    act: (client: AdminClient, backend: BackendName, value: never) => Promise<unknown>,
    value?: Argument
  ) => {
    const acts = command(name, description).argument('<name>', NAME)
    if (value) acts.addArgument(value)
    acts.action(async (text: string, ...rest: unknown[]) => {
      const { pool, url } = acts.opts<Options>()
      const { findBackend, readGiven } = await import('./named-backend.js')
      const client = await clientFor(url)
      const backend = await findBackend(client, readGiven(text, pool))
      await act(client, backend, rest[0] as never)
      await show(client, [backend.pool])
    })
  }

  command('status', 'shows the backends').action(async ({ url, pool }: Options) => {
    const client = await clientFor(url)
    await show(client, pool === undefined ? await client.pools() : [pool])
  })
  command('top', 'shows what happens, live, until q or ^C').action(async ({ url, pool }: Options) => {
    const { top } = await import('./top.js')
    await top(await clientFor(url), pool)
  })
  acting('drain', 'gives a backend no new requests', (client, backend) =>
    client.change(backend, { draining: true })
  )
  acting('undrain', 'ends that', (client, backend) => client.change(backend, { draining: false }))
  acting(
    'weight',
    'sets the share of a backend',
    (client, backend, weight: number) => client.change(backend, { weight }),
    new Argument('<n>', 'in proportion to the others').argParser(readWhole)
  )
  acting(
    'health',
    'sets the health of a backend, or leaves it to its checks',
    (client, backend, health: 'auto' | 'healthy' | 'unhealthy') => client.change(backend, { health }),
    new Argument('<health>').choices(['auto', 'healthy', 'unhealthy'])
  )
  acting('reset', 'ends an ejection, and forgets what led to it', (client, backend) => client.reset(backend))
  command('add', 'adds a backend')
    .argument(
      '<spec>',
      'as in LB_BACKENDS, such as "app3:3000;weight=2"; or behind its pool, as in web/app3:3000'
    )
    .action(async (text: string, { url, pool: option }: Options) => {
      const { onlyPool, readGiven } = await import('./named-backend.js')
      const { pool: named, backend } = readGiven(text, option)
      const spec = readSpec(backend)
      const client = await clientFor(url)
      const pool = named ?? (await onlyPool(client))
      await client.add(pool, spec)
      await show(client, [pool])
    })
  acting('remove', 'removes a backend, which finishes its requests', (client, backend) =>
    client.remove(backend)
  )
}

async function show(client: AdminClient, pools: readonly string[]): Promise<void> {
  const { statusTable } = await import('../lib/admin/text-table.js')
  console.log(statusTable(await client.backends(pools)))
}

/** A client of the balancer on this machine, or of `url`. It is loaded only here, as the balancer needs none. */
async function clientFor(url: string | undefined): Promise<AdminClient> {
  const { AdminClient } = await import('../lib/admin/client.js')
  readEnvFile()
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
  if (!config || faults.length > 0) throw new Error(faults.join('; '))
  return specOf(config)
}
