import type { BlockList } from 'node:net'
import { addressRanges } from '../../base/values/values.js'
import { isEditableInRequest, isEditableInResponse } from '../../routing/filters/field-edits.js'
import type { FieldChanges, Mirror, PathChange, RouteRateLimit } from '../../routing/options.js'
import { schema, typeOf } from '../schema.js'
import { keys, oneOrMore } from '../shapes/collections.js'
import { decimal, setting, text, word } from '../shapes/scalars.js'
import { refined } from '../shapes/shape.js'
import { editableFault, fieldLines, pathChange, pathKeys } from './action.js'
import { errors } from './error-pages.js'
import { authority, name } from './texts.js'

/** What is changed of the target and the host. */
export interface Rewrite {
  readonly host: string | undefined
  readonly path: PathChange | undefined
}

const rewrite = refined(
  keys(
    { host: { shape: authority, description: 'Another host, with or without port.' }, ...pathKeys },
    { not: { required: Object.keys(pathKeys) } },
    'must have host, path or path-prefix'
  ),
  (found, item, path, faults): Rewrite => ({
    host: found.host,
    path: pathChange(found, (message) => faults.add(item.at, `${path} ${message}`))
  })
)

/** @param isEditable whether a field can be changed */
function fieldChanges(isEditable: (name: string) => boolean) {
  const nameFault = editableFault(isEditable)
  const fieldName = text('the name of a field', (given, fault) => {
    const wrong = nameFault(given)
    if (wrong !== undefined) fault(`has "${given}", which ${wrong}`)
    return given
  })
  return refined(
    keys(
      {
        set: { shape: fieldLines(isEditable), description: 'Fields in place of those of the same name.' },
        add: { shape: fieldLines(isEditable), description: 'Fields beside those of the same name.' },
        remove: { shape: oneOrMore(fieldName), description: 'Names of fields that are dropped.' }
      },
      {},
      'must have set, add or remove'
    ),
    ({ set = [], add = [], remove = [] }, item, path, faults): FieldChanges => {
      const removed = new Set(remove.map((each) => each.toLowerCase()))
      for (const each of new Set(set.map(([field]) => field)))
        if (removed.has(each.toLowerCase()))
          faults.add(item.at, `${path} must not remove ${each}: set replaces it`)
      return { set, add, remove }
    }
  )
}

const mirror = refined(
  keys({
    pool: { shape: name, description: 'The name of the pool that gets a copy.', isRequired: true },
    percent: { shape: decimal(0, 100), description: 'Share of the requests; 100 by default.' }
  }),
  ({ pool, percent = 100 }): Mirror | undefined => (pool === undefined ? undefined : { pool, percent })
)

const rateLimit = refined(
  setting(typeOf(schema.entries.LB_RATE_LIMIT)),
  (limit): RouteRateLimit | undefined =>
    limit === null ? undefined : { perSecond: limit.count / limit.windowS, burst: limit.burst }
)

const addresses = setting<BlockList>(addressRanges())

/** The keys of a route that change or check what passes. */
export const filterKeys = {
  rewrite: {
    shape: rewrite,
    description: 'What the backend gets instead of the host and the path of the request.'
  },
  'request-headers': {
    shape: fieldChanges(isEditableInRequest),
    description: 'Changes of the fields of requests.'
  },
  'response-headers': {
    shape: fieldChanges(isEditableInResponse),
    description: 'Changes of the fields of answers.'
  },
  mirror: {
    shape: mirror,
    description: 'A pool that gets a copy of requests, and whose answers are dropped.'
  },
  timeout: {
    shape: setting(typeOf(schema.entries.LB_RESPONSE_TIMEOUT)),
    description:
      'Seconds from the end of the request to the head of the response, then `504`; 0 sets no limit.'
  },
  retries: { shape: setting(typeOf(schema.entries.LB_RETRIES)), description: 'Attempts after the first.' },
  'max-body-size': {
    shape: setting(typeOf(schema.entries.LB_MAX_BODY_SIZE)),
    description: 'Bytes of the body of a request; a larger one is answered `413`. 0 sets no limit.'
  },
  'rate-limit': {
    shape: rateLimit,
    description:
      'Requests of a client address to this route: `100/s`, `1000/m;burst=50`; others are answered `429`.'
  },
  allow: {
    shape: addresses,
    description: 'Addresses and CIDR ranges of clients that are served; others get `403`.'
  },
  deny: {
    shape: addresses,
    description: 'Addresses and CIDR ranges of clients that get `403`, even if `allow` has them.'
  },
  paths: {
    shape: word(['strict', 'lenient', 'raw']),
    description:
      'How paths are read that servers read differently: `strict` refuses what some reading takes elsewhere (default), ' +
      '`lenient` takes the normal form for the only one, `raw` matches what the client has sent.'
  },
  errors: { shape: errors, description: 'Pages in place of answers with an error status.' }
} as const
