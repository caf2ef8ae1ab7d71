#!/usr/bin/env node
import { isIPv6 } from 'node:net'
import { Command, InvalidArgumentError, Option } from 'commander'
import { version } from '../package.json'
import { type Behaviour, readSetting, type SettingName } from './be/behaviour.js'
import { Registration } from './be/registration.js'
import { createBackend, type DemoBackend } from './be/server.js'

const GRACE_MS = 10_000

const EXAMPLES = `
Every path answers "<content> (port <port>), request <n>". These are the backend's own, and are not counted:
  /health        200 ok, for health checks
  /__be/stats    what it has done, as JSON
  /__be/set      POST, from this machine only: changes settings while it runs

Examples:
  be -p 8080 -c "Server A"
  be -p 8081 --latency 200 --jitter 100 --fail-rate 0.05
  be -p 8082 --size 100k --chunked
  be -s /run/be.sock
  curl -d '{"latency":500,"healthStatus":503}' http://127.0.0.1:8080/__be/set
The settings are called as the options are: content, latency, jitter, status, failRate, resetRate, size,
healthStatus, healthLatency, chunked, echo.

SIGTERM and SIGINT end it when the requests in flight are done, after ${GRACE_MS / 1000} s at the latest; a second one at once.`

interface Options {
  port: number
  address?: string
  socket?: string
  quiet?: boolean
  register?: URL
  ttl: number
  weight: number
}

function balancerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && /^\/[^/]*\/?$/.test(url.pathname)) return url
  throw new InvalidArgumentError('It must be a URL such as http://lb:80 or http://lb:80/web.')
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text)
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0 to 65535.')
}

/** The system would silently truncate a longer path. */
const MAX_SOCKET_BYTES = process.platform === 'linux' ? 107 : 103

function socketPath(text: string): string {
  if (Buffer.byteLength(text) <= MAX_SOCKET_BYTES) return text
  throw new InvalidArgumentError(`It must have no more than ${MAX_SOCKET_BYTES} bytes.`)
}

const settings: Partial<Behaviour>[] = []

/** An option for the setting of the same name, and parsed like it. */
function setting(flags: string, description: string): Option {
  const option = new Option(flags, description)
  if (!flags.includes('<')) return option
  return option.argParser((text) => {
    try {
      settings.push(readSetting(option.attributeName() as SettingName, text))
    } catch (error) {
      throw new InvalidArgumentError(`It ${(error as Error).message}.`)
    }
    return text
  })
}

const program = new Command('be')
  .description('HTTP backend to try a load balancer with: it says who answered, and can be slow or broken.')
  .version(version, '-v, --version')
  .helpOption('-h, --help', 'show this help')
  .option('-p, --port <port>', 'port to listen on; 0 lets the system choose', port, 8080)
  .option('-a, --address <address>', 'address to listen on (default: all interfaces)')
  .option('-s, --socket <path>', 'Unix socket to listen on instead of a port', socketPath)
  .addOption(setting('-c, --content <text>', 'name in the answer (default: "Backend")'))
  .addOption(setting('--latency <ms>', 'wait before each answer (default: 0)'))
  .addOption(setting('--jitter <ms>', 'random wait on top, from 0 to this (default: 0)'))
  .addOption(setting('--status <code>', 'status of the answers (default: 200)'))
  .addOption(setting('--fail-rate <share>', 'share of requests answered 500, from 0 to 1 (default: 0)'))
  .addOption(
    setting('--reset-rate <share>', 'share of requests whose connection is reset, from 0 to 1 (default: 0)')
  )
  .addOption(setting('--size <bytes>', 'answer with a body of this length, such as 100, 1k, 100k or 10m'))
  .addOption(setting('--health-status <code>', 'status of /health (default: 200)'))
  .addOption(setting('--health-latency <ms>', 'wait before an answer to /health (default: 0)'))
  .addOption(setting('--chunked', 'answer without content-length'))
  .addOption(
    setting('--echo', 'answer with the body of the request; X-Echo-Target is its target as received')
  )
  .option(
    '--register <url>',
    'register at a balancer: its URL, with the name of a pool as path if it has several; needs LB_REGISTER_TOKEN',
    balancerUrl
  )
  .option('--ttl <seconds>', 'of the registration, which is renewed meanwhile', wholeNumber(5, 300), 15)
  .option('--weight <n>', 'of the registration', wholeNumber(1, 256), 1)
  .option('-q, --quiet', 'print nothing but errors')
  .addHelpText('after', EXAMPLES)
  .allowExcessArguments(false)
  .parse()

const options = program.opts<Options & { chunked?: boolean; echo?: boolean }>()
if (options.register && options.socket !== undefined)
  program.error('error: a Unix socket cannot be registered: only its own machine has it')
if (options.register && !process.env.LB_REGISTER_TOKEN)
  program.error('error: --register needs the token of the pool in LB_REGISTER_TOKEN')
if (options.chunked) settings.push({ chunked: true })
if (options.echo) settings.push({ echo: true })
const say = options.quiet ? () => {} : (line: string) => console.log(line)

function url(listeningPort: number): string {
  const { address = '' } = options
  const everywhere = address === '' || address === '::' || address === '0.0.0.0'
  const host = everywhere ? '127.0.0.1' : isIPv6(address) ? `[${address}]` : address
  return `http://${host}:${listeningPort}`
}

function register({ port }: DemoBackend): Registration | undefined {
  const { register: url, ttl: ttlS, weight, address = '0.0.0.0' } = options
  if (!url) return undefined
  const host = address === '::' ? '0.0.0.0' : isIPv6(address) ? `[${address}]` : address
  const token = process.env.LB_REGISTER_TOKEN ?? ''
  return new Registration({ url, token, address: `${host}:${port}`, ttlS, weight, say })
}

function closeOnSignals(backend: DemoBackend, registration: Registration | undefined): void {
  let signals = 0
  const onSignal = async () => {
    if (++signals > 1) process.exit(0)
    await registration?.end()
    await backend.close(GRACE_MS)
    say(`be stopped after ${backend.stats().requests} requests`)
    process.exit(0)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function explain(error: NodeJS.ErrnoException): string {
  if (options.socket !== undefined) {
    if (error.code === 'EADDRINUSE') return `${options.socket} is in use: choose another one with --socket`
    return `${options.socket} cannot be listened on: ${error.code ?? error.message}`
  }
  const where = `port ${options.port}${options.address === undefined ? '' : ` of ${options.address}`}`
  if (error.code === 'EADDRINUSE') return `${where} is in use: choose another one with --port`
  if (error.code === 'EACCES')
    return `${where} may not be used by this user: choose one above 1023 with --port`
  return error.message
}

const behaviour: Partial<Behaviour> = Object.assign({}, ...settings)
createBackend({
  ...behaviour,
  port: options.port,
  ...(options.address === undefined ? {} : { address: options.address }),
  ...(options.socket === undefined ? {} : { socket: options.socket }),
  onChange: (changes) => say(`be set ${JSON.stringify(changes)}`)
}).then(
  (backend) => {
    say(
      `be "${backend.stats().content}" listening on ${options.socket === undefined ? url(backend.port) : `unix:${options.socket}`}`
    )
    closeOnSignals(backend, register(backend))
  },
  (error) => {
    console.error(`be: ${explain(error)}`)
    process.exit(1)
  }
)
