import * as v from 'valibot'
import { addressRanges, flag, integer, oneOf, seconds, text } from '../base/values/values.js'
import { memberList } from '../discovery/spec/member-list.js'
import { LANE_MODES } from '../listener/http1/lane/options.js'
import { accessVariables } from './settings/access.js'
import { accessLogVariables } from './settings/access-log.js'
import { adminVariables } from './settings/admin.js'
import { balancingVariables } from './settings/balancing.js'
import { discoveryVariables } from './settings/discovery.js'
import { fleetVariables } from './settings/fleet.js'
import { healthCheckVariables } from './settings/health-check.js'
import { http2Variables } from './settings/http2.js'
import { processVariables } from './settings/process.js'
import { registrationVariables } from './settings/registration.js'
import { resilienceVariables } from './settings/resilience.js'
import { threadVariables } from './settings/threads.js'
import { tlsVariables } from './settings/tls.js'
import { tracingVariables } from './settings/tracing.js'
import { type VariableInfo, variable } from './variable.js'

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S

/** What `LB_MAX_RESPONSE_HEADER_SIZE` can be at most, in bytes. */
export const LARGEST_RESPONSE_HEAD = 1_048_576

/** Every variable, with type, default and documentation: the single source of validation, `lb --help` and the docs. */
export const schema = v.object({
  PORT: variable(integer(0, 65_535), {
    description:
      'Port to listen on; 0 lets the system choose. `FASTIFY_PORT` and `-p` of fastify-cli override it.',
    fallback: '80',
    flags: '-p, --port <port>'
  }),
  LB_CONFIG: variable(text(), {
    description:
      'File in YAML or JSON with settings, named as the variables in lower case, without `LB_` and with hyphens: ' +
      '`health-check-period: 5`. Variables override it. `backends` may be a list of addresses, or of objects with ' +
      '`address` and options. Several pools of backends, and routes to them, are written here too ([routes](routes.md)).',
    fallback: '',
    flags: '-c, --config <file>'
  }),
  LB_BACKENDS: variable(memberList(), {
    description:
      'The backends, separated by commas or spaces: `host:port`, `[v6]:port`, an `http://` or `https://` origin or `unix:/path`, ' +
      'or a [source](discovery.md) of more, such as `dns://app.internal:3000`; each with options such as `;weight=3` (1 to 256, default 1), `;max=50` (requests in flight at it at once, ' +
      'default no limit), `;backup` (used only while no other backend can be), `;h2` (HTTP/2), `;proxy=v2` (the PROXY protocol), `;check=/path` and others ' +
      'for its health checks, `;max-age=` and `;max-requests=` for its connections, `;resolve=` for its name, and `;tls-name=` and `;tls-no-verify` for TLS.',
    fallback: '127.0.0.1:8080 127.0.0.1:8081',
    flags: '-b, --backends <backends...>'
  }),
  ...discoveryVariables,
  ...threadVariables,
  LB_MAX_CONNECTIONS: variable(integer(1, 1_000_000), {
    description: 'Requests in flight at once; further ones are answered `503` with `Retry-After`.',
    fallback: '1000',
    flags: '--max-connections <n>'
  }),
  LB_MAX_SOCKETS: variable(integer(0, 1_000_000), {
    description:
      'Client connections open at once, idle ones included; further ones are closed unanswered. ' +
      '0 means four times `LB_MAX_CONNECTIONS`, and at least 1024.',
    fallback: '0',
    flags: '--max-sockets <n>'
  }),
  ...tlsVariables,
  ...http2Variables,
  ...balancingVariables,
  ...healthCheckVariables,
  LB_CONNECTION_TIMEOUT: variable(seconds(0.05, HOUR_S), {
    description: 'Time to connect to a backend, TLS included, before another is tried.',
    fallback: '3',
    unit: 'seconds',
    flags: '--connection-timeout <seconds>'
  }),
  LB_RESPONSE_TIMEOUT: variable(seconds(0, DAY_S), {
    description: 'Time from the end of the request to the head of the response, then `504`. 0 sets no limit.',
    fallback: '60',
    unit: 'seconds',
    flags: '--response-timeout <seconds>'
  }),
  ...resilienceVariables,
  LB_BUFFER_SIZE: variable(integer(1024, 16_777_216), {
    description:
      'High-water mark of each stream: how much is buffered in each direction before the sender has to wait.',
    fallback: '32768',
    unit: 'bytes',
    flags: '--buffer-size <bytes>'
  }),
  LB_TUNNEL_TIMEOUT: variable(seconds(1, DAY_S), {
    description: 'Time that a WebSocket or another upgraded connection may be silent before it is closed.',
    fallback: '3600',
    unit: 'seconds',
    flags: '--tunnel-timeout <seconds>'
  }),
  LB_REQUEST_HEAD_TIMEOUT: variable(seconds(1, HOUR_S), {
    description: 'Time for the head of a request to arrive, then `408`; at most 5 during a drain.',
    fallback: '60',
    unit: 'seconds',
    flags: '--request-head-timeout <seconds>'
  }),
  LB_REQUEST_TIMEOUT: variable(seconds(0, DAY_S), {
    description: 'Time for a complete request to arrive, body included, then `408`. 0 sets no limit.',
    fallback: '3600',
    unit: 'seconds',
    flags: '--request-timeout <seconds>'
  }),
  LB_REQUEST_BODY_TIMEOUT: variable(seconds(0, DAY_S), {
    description: 'Longest pause in the body of a request, then `408`. 0 sets no limit.',
    fallback: '60',
    unit: 'seconds',
    flags: '--request-body-timeout <seconds>'
  }),
  LB_KEEP_ALIVE_TIMEOUT: variable(seconds(1, DAY_S), {
    description: 'Time that a client connection may be idle between two requests before it is closed.',
    fallback: '72',
    unit: 'seconds',
    flags: '--keep-alive-timeout <seconds>'
  }),
  LB_MAX_REQUESTS_PER_SOCKET: variable(integer(0, 1_000_000_000), {
    description: 'Requests that a client connection may carry before it is closed. 0 sets no limit.',
    fallback: '0',
    flags: '--max-requests-per-socket <n>'
  }),
  LB_MAX_SOCKETS_PER_CLIENT: variable(integer(0, 1_000_000), {
    description:
      'Client connections open at once from one address; further ones are closed unanswered. 0 sets no limit, ' +
      'as many clients may share one address.',
    fallback: '0',
    flags: '--max-sockets-per-client <n>'
  }),
  LB_MAX_HEADER_SIZE: variable(integer(1024, 1_048_576), {
    description: 'Size of the head of a request; a larger one is answered `431`.',
    fallback: '16384',
    unit: 'bytes',
    flags: '--max-header-size <bytes>'
  }),
  LB_MAX_RESPONSE_HEADER_SIZE: variable(integer(1024, LARGEST_RESPONSE_HEAD), {
    description:
      'Size of the head of a response, of each interim response before it, and of its trailers; a larger one is ' +
      'answered `502`, or cut off. Each request that waits for its response may take so much memory.',
    fallback: '65536',
    unit: 'bytes',
    flags: '--max-response-header-size <bytes>'
  }),
  LB_MAX_HEADERS: variable(integer(1, 100_000), {
    description: 'Number of fields in the head of a request; more are answered `431`.',
    fallback: '1000',
    flags: '--max-headers <n>'
  }),
  LB_MAX_TARGET_LENGTH: variable(integer(16, 1_048_576), {
    description:
      'Length of the target of a request, that is, of path and query; a longer one is answered `414`.',
    fallback: '8192',
    unit: 'bytes',
    flags: '--max-target-length <bytes>'
  }),
  LB_MAX_BODY_SIZE: variable(integer(0, Number.MAX_SAFE_INTEGER), {
    description:
      'Size of the body of a request; a larger one is answered `413` and not read. 0 sets no limit.',
    fallback: '0',
    unit: 'bytes',
    flags: '--max-body-size <bytes>'
  }),
  ...accessVariables,
  ...fleetVariables,
  LB_TRUSTED_PROXIES: variable(addressRanges(true), {
    description:
      'Addresses and CIDR ranges of proxies in front: their `X-Forwarded-*` and `Forwarded` fields are passed on, with ' +
      'their own address added, and the client is the last address in `X-Forwarded-For` that is none of them. From ' +
      'anybody else these fields are replaced.',
    fallback: '',
    flags: '--trusted-proxies <ranges>'
  }),
  LB_PROXY_PROTOCOL: variable(flag(), {
    description:
      'Requires the PROXY protocol (version 1 or 2) at the start of connections from `LB_TRUSTED_PROXIES`; its header ' +
      "tells the client's address, and whether the client speaks TLS.",
    fallback: 'false',
    flags: '--proxy-protocol'
  }),
  LB_LANE: variable(oneOf(LANE_MODES), {
    description:
      "How plain requests of HTTP/1.1 are read: `auto` past Node's HTTP server and, as all others unless a hook was added, past the " +
      "router; `routed` past Node's server only; `off` by Node's server, as all others are.",
    fallback: 'auto',
    flags: '--lane <mode>'
  }),
  LB_FORWARDED: variable(flag(), {
    description: 'Adds a `Forwarded` field (RFC 7239) beside the `X-Forwarded-*` ones.',
    fallback: 'false',
    flags: '--forwarded'
  }),
  LB_STATS_INTERVAL: variable(seconds(0, DAY_S), {
    description: 'Time between two reports of statistics in the log. 0 disables them.',
    fallback: '30',
    unit: 'seconds',
    flags: '--stats-interval <seconds>'
  }),
  ...accessLogVariables,
  ...tracingVariables,
  ...adminVariables,
  ...registrationVariables,
  ...processVariables
})

/** The parsed values of all variables. */
export type Values = v.InferOutput<typeof schema>

/** The name of a variable. */
export type VariableName = keyof typeof schema.entries

/** The variables in order, with their documentation. */
export function describeVariables(): { name: VariableName; info: VariableInfo }[] {
  return Object.entries(schema.entries).map(([name, type]) => ({
    name: name as VariableName,
    info: v.getMetadata(type) as unknown as VariableInfo
  }))
}

/** What a value of a type may be in a file: a part of a JSON Schema. */
export function fileValueOf(type: v.GenericSchema): Readonly<Record<string, unknown>> {
  return (v.getMetadata(type) as unknown as { readonly json: Readonly<Record<string, unknown>> }).json
}

/** Whether a value of a type may be a list in a file. */
export function takesList(type: v.GenericSchema): boolean {
  const { anyOf = [] } = fileValueOf(type) as { readonly anyOf?: readonly { readonly type?: unknown }[] }
  return anyOf.some((form) => form.type === 'array')
}

/** The type of a variable whose value is always given: without its default. */
export function typeOf<T>(declared: ReturnType<typeof variable<T>>): v.GenericSchema<string, T> {
  return declared.pipe[0].wrapped
}
