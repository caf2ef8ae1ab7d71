import type { FastifyPluginAsync } from 'fastify'
import { AdminHosts } from '../../lib/admin/admin-hosts.js'
import { foreignHost } from '../../lib/admin/api-error.js'
import { BearerToken } from '../../lib/admin/bearer-token.js'
import { machineNames } from '../../lib/admin/machine-names.js'
import { OncePerKey } from '../../lib/base/once-per-key.js'
import type { Config } from '../../lib/config/load.js'

/** Of a host, in the log. */
const MAX_SHOWN = 255

/**
 * Refuses requests of its scope for hosts that pages of other sites may have. Who knows the token is none of those, as a
 * browser gives it to nobody.
 */
const hostCheck: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { token, hosts } = config.admin
  const own = new AdminHosts(hosts, machineNames())
  const bearer = token === '' ? undefined : new BearerToken(token)
  const refused = new OncePerKey()
  fastify.addHook('onRequest', (request, _reply, done) => {
    const host = own.foreignHostOf(request.raw.rawHeaders)
    if (host === undefined || bearer?.isSentIn(request.raw.rawHeaders)) {
      done()
      return
    }
    const shown = JSON.stringify(host.slice(0, MAX_SHOWN))
    if (refused.isFirst(shown))
      request.log.warn(
        `Pages of /__lb/ are not shown to requests for the host ${shown}, which could be another site's: ` +
          'LB_ADMIN_HOSTS lists more that are its own'
      )
    done(foreignHost())
  })
}

export default hostCheck
