import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'

const FORMATS = ['nginx', 'haproxy', 'caddy'] as const
/** The exit code where something of the file is left out. */
const LEFT_OUT = 2

interface Options {
  readonly from?: (typeof FORMATS)[number]
  readonly port?: number
}

/** Adds the command that writes the configuration of another proxy as one for `LB_CONFIG`. */
export function addConvertCommand(program: Command): void {
  program
    .command('convert')
    .description(
      'writes an nginx.conf, haproxy.cfg or Caddyfile as a file for LB_CONFIG, and names what it leaves out'
    )
    .argument('<file>', 'what is to be converted')
    .helpOption('-h, --help', 'show this help')
    .addOption(
      new Option('--from <format>', 'what it is, if its name and content do not tell').choices(FORMATS)
    )
    .addOption(
      new Option('--port <port>', 'whose servers are converted, if there are several').argParser(readPort)
    )
    .allowExcessArguments(false)
    .action(run)
}

async function run(file: string, { from, port }: Options): Promise<void> {
  // Loaded only here, as the balancer needs none of it.
  const { convert, detect, lineOf } = await import('../convert/index.js')
  const text = readFileSync(file, 'utf8')
  const format = from ?? detect(file, text)
  if (!format) throw new Error(`${file}: say what it is by --from nginx, haproxy or caddy`)
  const { yaml, findings } = convert(format, { text, file, port, env: process.env })
  process.stdout.write(yaml)
  for (const finding of findings) console.error(lineOf(finding))
  // Set, so that what is written may still go out.
  if (findings.some(({ kind }) => kind === 'left out')) process.exitCode = LEFT_OUT
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port
  throw new InvalidArgumentError('It must be a port, from 1 to 65535.')
}
