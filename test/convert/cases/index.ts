import type { Format } from '../../../convert/index.js'
import { caddy } from './caddy.js'
import type { Case } from './case.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'

/** The examples of each format. */
export const EXAMPLES: readonly (readonly [format: Format, cases: readonly Case[]])[] = [
  ['nginx', nginx],
  ['haproxy', haproxy],
  ['caddy', caddy]
]
