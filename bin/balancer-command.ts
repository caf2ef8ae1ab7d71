import path from 'node:path'
import { Command, Option } from 'commander'
import { startConfig } from '../app/start-config.js'
import { loadWithVariables } from '../lib/config/load.js'
import { describeVariables } from '../lib/config/schema.js'
import { version } from '../package.json'
import { addAdminCommands } from './admin-commands.js'
import { addConvertCommand } from './convert-command.js'
import { readEnvFile } from './env-file.js'
import { addExplainCommand } from './explain/command.js'

const EXAMPLES = `
Examples:
  lb -p 8000 -b 127.0.0.1:8080 127.0.0.1:8081
  lb -b 'app1:3000;weight=3' -b app2:3000 --health-check-url /health
  LB_BACKENDS="app1:3000 app2:3000" lb

Each option can be given as the environment variable in brackets as well; the option goes first.
Statistics are at /__lb/stats, for orchestrators there are /__lb/live and /__lb/ready.
SIGTERM and SIGINT end it when the requests in flight are done; a second one ends it at once.`

const ENVIRONMENT_ONLY = describeVariables()
  .filter(({ info }) => !info.flags)
  .map(({ name, info }) => `  ${info.description.replaceAll('`', '')} [${name}]`)

const ADMIN = `
From status to remove the commands ask a balancer that runs, at 127.0.0.1 and LB_ADMIN_PORT or PORT unless --url says
otherwise; what they change needs its LB_ADMIN_TOKEN. The others need none. Without a command it runs itself.`

/**
 * The command `lb`: the balancer itself, or what one that runs is asked.
 * @param program what it is made of
 */
export function balancerCommand(program = new Command('lb')): Command {
  program
    .description('HTTP load balancer: weighted least connections, health checks, failover.')
    .version(version, '-v, --version')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', `\nFrom the environment alone:\n${ENVIRONMENT_ONLY.join('\n')}`)
    .addHelpText('after', ADMIN)
    .addHelpText('after', EXAMPLES)
    .helpCommand(false)
    .enablePositionalOptions()
    .allowExcessArguments(false)
  const takeFlags = withFlags(program)
  program.action(() => run(takeFlags))
  addAdminCommands(program)
  addExplainCommand(program)
  addConvertCommand(program)
  const checked = program
    .command('check')
    .description('validate the configuration, as flags, environment and files have it, and print it')
    .argument('[file]', 'the file of LB_CONFIG: each fault in it is named with line and column')
    .allowExcessArguments(false)
  const takeCheckedFlags = withFlags(checked)
  checked.action((file?: string) => check(takeCheckedFlags, file))
  return program
}

/** Adds a flag for each variable to a command; returns a function that sets the variables of the flags given. */
function withFlags(command: Command): () => void {
  const variableOf = new Map<Option, string>()
  for (const { name, info } of describeVariables()) {
    if (!info.flags) continue
    const unit = info.unit ? ` ${info.unit}` : ''
    const fallback = info.flags.includes('<') ? ` (default: ${info.fallback}${unit})` : ''
    const option = new Option(info.flags, `${info.description.replaceAll('`', '')}${fallback} [${name}]`)
    variableOf.set(option, name)
    command.addOption(option)
  }
  return () => {
    for (const [option, name] of variableOf) {
      const key = option.attributeName()
      if (command.getOptionValueSource(key) !== 'cli') continue
      const value: unknown = command.getOptionValue(key)
      // A switch is given or not; commander takes --no-x for the opposite of x, which no option here has.
      process.env[name] =
        typeof value === 'boolean' ? 'true' : Array.isArray(value) ? value.join(' ') : String(value)
      // fastify-cli's own variable overrides PORT; a flag overrides both.
      if (name === 'PORT') process.env.FASTIFY_PORT = process.env.PORT
    }
  }
}

async function check(takeFlags: () => void, file: string | undefined): Promise<void> {
  takeFlags()
  if (file !== undefined) process.env.LB_CONFIG = file
  readEnvFile()
  const { config, variables } = loadWithVariables(process.env)
  const { routing } = config
  for (const { name, info } of describeVariables()) {
    if (name === 'LB_BACKENDS' && routing && variables[name] === undefined) continue
    const value = variables[name] ?? info.fallback
    console.log(`${name}=${info.isSecret && value !== '' ? '***' : value}`)
  }
  if (!routing) return
  const { routingSummary, unusedPools } = await import('../lib/config/routing/summary.js')
  for (const line of routingSummary(routing)) console.log(line)
  for (const pool of unusedPools(routing)) console.error(`pool ${pool} gets no requests: no route names it`)
}

async function run(takeFlags: () => void): Promise<void> {
  takeFlags()
  // Reads .env, which the configuration needs.
  const { runFastify } = await import('fastify-cli/start.js')
  startConfig()
  const dist = path.join(__dirname, '..')
  await runFastify(['-c', path.join(dist, 'fastify.config.js'), path.join(dist, 'app', 'index.js')])
}
