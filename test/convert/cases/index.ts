import type { Format } from '../../../convert/index.js'
import { routing as caddyRouting } from './caddy/routing.js'
import { settings as caddySettings } from './caddy/settings.js'
import type { Case } from './case.js'
import { routing as haproxyRouting } from './haproxy/routing.js'
import { settings as haproxySettings } from './haproxy/settings.js'
import { routing as nginxRouting } from './nginx/routing.js'
import { settings as nginxSettings } from './nginx/settings.js'

/** The examples of each format. */
export const EXAMPLES: readonly (readonly [format: Format, cases: readonly Case[]])[] = [
  ['nginx', [...nginxRouting, ...nginxSettings]],
  ['haproxy', [...haproxyRouting, ...haproxySettings]],
  ['caddy', [...caddyRouting, ...caddySettings]]
]
