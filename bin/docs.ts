import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { configFileSchema } from '../lib/config/file/json-schema.js'
import { describeVariables, type VariableName } from '../lib/config/schema.js'
import type { VariableInfo } from '../lib/config/variable.js'
import { MAX_IN_FLIGHT, MAX_WEIGHT } from '../lib/pool/spec/backend-options.js'
import { table } from './markdown-table.js'
import { openApiDocument } from './openapi.js'
import { withKeyTables } from './route-keys.js'

const INTRODUCTION = `# Configuration

<!-- Written by "npm run docs" from lib/config/ and bin/docs.ts: change it there. -->

Fairlead is configured by environment variables, which may also be set in a file \`.env\` in the current folder. \`lb\`
accepts each as a flag as well, secrets apart; flags take precedence.

Everything is validated before the port is opened. One message on standard error names every wrong variable and what
would be right, and the process exits with status 1. Unknown variables that begin with \`LB_\` are errors, so that a
misspelt one does not go unnoticed.

\`\`\`sh
PORT=8000 LB_BACKENDS='app1:3000;weight=3 app2:3000' npx fastify start app
lb -p 8000 -b 'app1:3000;weight=3' app2:3000
\`\`\`
`

const GRAMMAR = `## Values

- **Seconds** may have a fraction: \`0.25\`. They are exact to the millisecond.
- **true or false**: also \`1\`, \`yes\`, \`on\` and \`0\`, \`no\`, \`off\`, in any case.
- **Status codes**: codes and ranges, separated by commas: \`200-299,304\`.
- **Address ranges**: addresses and CIDR ranges, separated by commas or spaces: \`10.0.0.0/8 fd00::/8 192.0.2.7\`.
- **Rates**: a whole number, \`/s\`, \`/m\` or \`/h\`, optionally followed by \`;burst=\` and another one: \`100/s;burst=20\`.
- **Files**: names of files, relative to the current folder; in lists, names may not contain blanks or commas. They are read at
  the start, and again when they change ([tls.md](tls.md)).

### Backends

\`LB_BACKENDS\` lists at least one backend. Entries are separated by commas, spaces or line breaks.

\`\`\`text
backends = entry *( 1*( "," / whitespace ) entry )
entry    = ( host ":" port / origin / socket ) *( ";" option )
host     = name / IPv4 address / "[" IPv6 address [ "%" zone ] "]"
origin   = ( "http" / "https" ) "://" host [ ":" port ] [ "/" ]
socket   = [ ( "http" / "https" ) "://" ] "unix:" path of a socket
option   = "weight=" ( whole number from 1 to ${MAX_WEIGHT} )
         / "max=" ( whole number from 1 to ${MAX_IN_FLIGHT} )
         / "backup" [ "=" ( true or false ) ]
         / "h2" [ "=" ( true or false ) ]
         / "proxy=" ( "v1" or "v2" )
         / "max-age=" ( seconds, 0 for no bound )
         / "max-requests=" ( whole number from 0, 0 for no bound )
         / "resolve=" ( seconds, 0 for never again )
         / "check=" ( path / "grpc:" [ service ] )
         / "check-host=" host [ ":" port ]
         / "check-port=" port
         / "check-status=" codes *( "+" codes )
         / "check-period=" seconds
         / "no-check" [ "=" ( true or false ) ]
         / "tls-name=" name
         / "tls-no-verify" [ "=" ( true or false ) ]
codes    = status code [ "-" status code ]
\`\`\`

${table([
  ['entry', 'meaning'],
  ['`127.0.0.1:8080`', 'HTTP to this address'],
  ['`app1:3000;weight=3`', 'three times the share of a backend without a weight'],
  ['`app1:3000;max=50`', 'no more than 50 requests in flight at it'],
  ['`app3:3000;backup`', 'used only while no other backend can be'],
  ['`app1:3000;h2`', 'HTTP/2 without TLS, by prior knowledge (h2c), for gRPC above all'],
  ['`app1:3000;proxy=v2`', 'each connection begins with a PROXY protocol header, which names its client'],
  ['`https://app1.example;h2`', 'HTTP/2 over TLS, which the backend must select (ALPN)'],
  ['`app1:3000;max-age=60`', 'connections are closed after 60 s; by default after an hour'],
  ['`app1:3000;max-requests=1000`', 'connections are closed after 1000 requests; by default after 100000'],
  ['`app1:3000;resolve=2`', '`app1` is looked up every 2 s; by default every 10 s'],
  ['`app1:3000;check=/ready`', 'its health checks request `/ready` instead of `LB_HEALTH_CHECK_URL`'],
  ['`app1:3000;h2;check=grpc:app.v1.Shop`', 'they check this [gRPC](grpc.md#health-checks) service'],
  ['`app1:3000;check-host=app.example`', 'they send `Host: app.example`, see `LB_HEALTH_CHECK_HOST`'],
  ['`app1:3000;check-port=9000`', 'they go to port 9000'],
  [
    '`app1:3000;check-status=200-299+404`',
    'these statuses are healthy instead of those in `LB_HEALTH_CHECK_STATUS`'
  ],
  ['`app1:3000;check-period=30`', 'they run every 30 s instead of `LB_HEALTH_CHECK_PERIOD`'],
  ['`app1:3000;no-check`', 'no health checks: as with `LB_NO_HEALTH_CHECK`, for this backend only'],
  ['`[2001:db8::7]:8080`', 'IPv6 needs brackets'],
  ['`[fe80::1%eth0]:8080`', 'a link-local address on `eth0`; as a URL `http://[fe80::1%25eth0]:8080`'],
  ['`unix:/run/app.sock`', 'HTTP over a Unix socket; `;h2` for HTTP/2'],
  [
    '`https://unix:/run/app.sock`',
    'TLS over it; the certificate must be valid for `localhost`, or the `tls-name`'
  ],
  ['`http://app1`', 'port 80'],
  ['`https://app1.example`', 'TLS to port 443; the certificate must be valid for `app1.example`'],
  [
    '`https://10.0.0.7;tls-name=app1.example`',
    'this name is sent as SNI, and the certificate must be valid for it'
  ],
  ['`https://10.0.0.7;tls-no-verify`', 'any certificate is accepted: for tests']
])}

A port is from 1 to 65535. Each option may be given once. No backend may be listed twice, in any spelling. An origin has
no path, query, user name or password: requests keep the client's target. To a shell, \`;\` ends a command, so quote
entries that contain one. Commas and semicolons in a path have to be encoded, as \`%2C\` and \`%3B\`.

The path of a Unix socket is absolute, has at most 107 bytes, and is visible ASCII without commas, semicolons, double quotes and
backslashes. Requests without a host name, and health checks by default, send \`Host: localhost\`. A zone is the name or the
number of an interface; it selects the link, and is not sent in any field.

### Health checks

- \`LB_HEALTH_CHECK_HEADERS\`: one field a line, each \`Name: value\` in ASCII. On a single line they may be separated by
  \`;\` too; a value with a \`;\` needs the form with lines, even if it is only a line break at the end. \`User-Agent\` and \`Accept\` may be replaced.
- \`LB_HEALTH_CHECK_BODY\`: a text is searched byte for byte. A value that begins with \`/\` and ends with \`/\`, or \`/\` and
  letters, is a pattern, matched against the first 64 KiB of the body as UTF-8. The body is searched when it is complete,
  or when 64 KiB have arrived. A pattern that takes more than 100 ms is aborted, and the check has failed; it blocks
  everything else meanwhile, so beware of nested repetitions such as \`(a+)+\`.
- \`LB_NO_HEALTH_CHECK\` turns off the checks of all backends, whatever their options say.
`

const FASTIFY = `## Variables of fastify-cli

\`FASTIFY_*\` variables set the options of \`fastify start\` and take precedence over the values above, for \`lb\` too. These are
useful:

${table([
  ['variable', 'default', 'meaning'],
  ['`FASTIFY_PORT`', '`PORT`', 'Port to listen on, from 1 up; it takes precedence over `PORT`.'],
  ['`FASTIFY_ADDRESS`', '`::`, or `0.0.0.0` without IPv6', 'Address to listen on; all by default.'],
  ['`FASTIFY_LOG_LEVEL`', '`info`', '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'],
  [
    '`FASTIFY_CLOSE_GRACE_DELAY`',
    '`LB_DRAIN_TIMEOUT` and 5 s more',
    'Milliseconds until a shutdown is cut short. Keep it longer than the drain.'
  ]
])}
`

/** The content of `docs/configuration.md`. */
export function configurationReference(): string {
  const rows = describeVariables().map(({ name, info }) => row(name, info))
  const variables = table([['variable', 'flag of `lb`', 'default', 'unit', 'meaning'], ...rows])
  return [INTRODUCTION, `## Variables\n\n${variables}\n`, GRAMMAR, FASTIFY].join('\n')
}

function row(name: VariableName, { flags, fallback, unit, description }: VariableInfo): string[] {
  return [`\`${name}\``, flags ? `\`${flags}\`` : '', `\`${fallback}\``, unit ?? '', description]
}

/** The content of `config.schema.json`. */
export const configSchemaText = () => `${JSON.stringify(configFileSchema(), null, 2)}\n`

async function main(): Promise<void> {
  const root = path.join(__dirname, '../..')
  const docs = path.join(root, 'docs')
  writeFileSync(path.join(root, 'config.schema.json'), configSchemaText())
  writeFileSync(path.join(docs, 'configuration.md'), configurationReference())
  const routes = path.join(docs, 'routes.md')
  writeFileSync(routes, withKeyTables(readFileSync(routes, 'utf8')))
  writeFileSync(path.join(docs, 'openapi.json'), await openApiDocument())
}

if (require.main === module) void main()
