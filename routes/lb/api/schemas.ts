import { MAX_IN_FLIGHT, MAX_OF_REQUESTS, MAX_WEIGHT } from '../../../lib/pool/spec/backend-options.js'
import { backend, count, object, text } from '../stats-schema.js'

type Property = { readonly type: string; readonly [key: string]: unknown }

const flag = (description: string): Property => ({ type: 'boolean', description })
const whole = (maximum: number, description: string): Property => ({
  type: 'integer',
  minimum: 1,
  maximum,
  description
})

const seconds = (description: string): Property => ({ type: 'number', minimum: 0, description })

/** Options of a backend, by their names in `LB_BACKENDS`; its parser validates the values. */
export const options: Readonly<Record<string, Property>> = {
  weight: whole(MAX_WEIGHT, 'Share of the load in proportion to the others; 1 unless given'),
  max: whole(MAX_IN_FLIGHT, 'Requests in flight at it at once; no limit unless given'),
  backup: flag('Used only while no other backend can be'),
  h2: flag('Requests go to it over HTTP/2'),
  proxy: text('Version of the PROXY protocol, v1 or v2, that announces clients to it'),
  'max-age': seconds('Seconds after which a connection to it is retired; 0 for no limit, 3600 unless given'),
  'max-requests': {
    ...whole(
      MAX_OF_REQUESTS,
      'Requests after which a connection to it is retired; 0 for no limit, 100000 unless given'
    ),
    minimum: 0
  },
  resolve: seconds('Seconds between two look-ups of its name; 0 for a single one, 10 unless given'),
  check: text('Path that its health checks request, or grpc: and the name of a service'),
  'check-host': text('Host field of its health checks'),
  'check-port': whole(65_535, 'Port of its health checks'),
  'check-status': text('Status codes that pass its health checks, such as 200-299+404'),
  'check-period': {
    type: 'number',
    exclusiveMinimum: 0,
    description: 'Seconds between two of its health checks'
  },
  'no-check': flag('It has no health checks'),
  'tls-name': text('Server name for TLS, for which its certificate must be valid'),
  'tls-no-verify': flag('Its certificate is not verified')
}

const address = text('host:port, an http:// or https:// origin, or unix:/path')
const draining = flag('It gets no new requests, and finishes those in flight')
const health = {
  type: 'string',
  enum: ['auto', 'healthy', 'unhealthy'],
  description: 'Health that overrides its checks, or "auto" for theirs'
}
const version = text('Version of the list, which differs after each change')

export const spec = {
  type: 'object',
  additionalProperties: false,
  required: ['address'],
  properties: { address, ...options }
} as const

export const specs = { type: 'array', minItems: 1, maxItems: 10_000, items: spec } as const

const changeable = Object.entries(options).map(([name, property]) => [
  name,
  { ...property, type: [property.type, 'null'] }
])

/** The body of a change; null removes an option. */
export const change = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { ...Object.fromEntries(changeable), draining, health }
} as const

const viewed = object({
  ...backend.properties,
  options: {
    type: 'object',
    additionalProperties: false,
    properties: options,
    description: 'Its options'
  },
  orders: { ...object({ draining, health }), description: 'The orders for it' }
})

export const view = { description: 'The backend', ...viewed }

export const list = {
  description: 'The list; its version is the ETag',
  ...object({ version, backends: { type: 'array', items: viewed } })
}

const addresses = (description: string) => ({ type: 'array', items: { type: 'string' }, description })

export const replaced = {
  description: 'What has changed',
  ...object({
    version,
    added: addresses('Those that are new'),
    removed: addresses('Those that have left'),
    reconfigured: addresses('Those that stay with other options')
  })
}

const poolProperty = { pool: text('Name of the pool') }

export const poolParams = { type: 'object', required: ['pool'], properties: poolProperty } as const

/** Where routes stand: below the path of a pool, or where the only pool needs none. */
export interface Place {
  readonly ofPool: boolean
  /** Of their paths. */
  readonly prefix?: string
}

/** What a path names. */
export function params(ofPool: boolean) {
  return {
    type: 'object',
    required: ofPool ? ['pool', 'address'] : ['address'],
    properties: {
      ...(ofPool ? poolProperty : {}),
      address: text('Address of the backend, as the list has it; encoded, where it has a path')
    }
  }
}

/** The name of an operation, and which pool it is about. */
export function operation(id: string, ofPool: boolean) {
  return ofPool
    ? { operationId: `${id}OfPool`, tags: ['pools'] }
    : { operationId: id, tags: ['the only pool'] }
}

export const pools = {
  description: 'The pools, in the order of the configuration',
  ...object({
    pools: {
      type: 'array',
      items: object({
        name: text('Name'),
        version: text('Version of its list of backends, which differs after each change'),
        backends: count('Its backends'),
        eligible: count('Those that may be given requests')
      })
    }
  })
}

export const ifMatch = {
  type: 'object',
  properties: {
    'if-match': text('The ETag of the list that the change is based on: if the list has changed since, 412')
  }
} as const

const error = {
  description: 'The request failed',
  ...object({
    statusCode: { type: 'integer', description: 'The status' },
    code: text('Error code, such as LB_VERSION_CHANGED'),
    error: text('Reason phrase of the status'),
    message: text('What is wrong')
  })
}
export const errors = { '4xx': error, '5xx': error } as const
