import { parsed } from '../../base/values/values.js'
import type { FleetOptions } from '../../fleet/options.js'
import { type Needs, type ValuesOf, variable } from '../variable.js'

/** The variables of a fleet: what several balancers share. */
export const fleetVariables = {
  LB_SHARED: variable(storeUrl(), {
    description:
      'Store by which several balancers share the rate limits of clients: `redis://host:6379`, with a user and the number ' +
      'of a database if need be (`redis://fairlead@host:6379/2`), `rediss://` for TLS. Empty for a balancer by itself.',
    fallback: '',
    flags: '--shared <url>'
  }),
  LB_SHARED_PASSWORD: variable(
    parsed<string>((text) => text),
    { description: 'Password of the store of `LB_SHARED`.', fallback: '', isSecret: true }
  )
}

type Values = ValuesOf<typeof fleetVariables>

/** What balancers share; undefined for one by itself. */
export function fleetOf({ LB_SHARED: url, LB_SHARED_PASSWORD: password }: Values): FleetOptions | undefined {
  return url === '' ? undefined : { url, password }
}

/** What has no effect. */
export function fleetConflicts(values: Values, needs: Needs): void {
  needs('LB_SHARED_PASSWORD', values.LB_SHARED_PASSWORD !== '', 'LB_SHARED', values.LB_SHARED !== '')
}

function storeUrl() {
  return parsed<string>((text, fault) => {
    if (text === '') return text
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.password) {
      fault('must not carry a password: set LB_SHARED_PASSWORD')
      return undefined
    }
    const isRight =
      url && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && /^(?:\/\d{0,4})?$/.test(url.pathname)
    if (isRight && url.search === '' && url.hash === '') return text
    fault(`must be a URL such as redis://host:6379/0, but is "${text}"`)
    return undefined
  })
}
