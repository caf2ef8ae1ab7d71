import type { FastifyPluginAsync } from 'fastify'
import { AdminHosts } from '../../lib/admin/admin-hosts.js'
import { foreignHost } from '../../lib/admin/api-error.js'
import { BearerToken } from '../../lib/admin/bearer-token.js'
import { machineNames } from '../../lib/admin/machine-names.js'
import { OncePerKey } from '../../lib/base/once-per-key.js'
import type { Config } from '../../lib/config/load.js'

/** Longest part of a host that is logged. */
const MAX_SHOWN = 255

/**
 * Rejects requests for hosts that may belong to other sites (DNS rebinding), unless they carry the token, which browsers do
 * not send to such a site.
 */
const hostCheck: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { token, hosts } = config.admin
  const own = new AdminHosts(hosts, machineNames())
  const bearer = token === '' ? undefined : new BearerToken(token)
  const loggedHosts = new OncePerKey()
  fastify.addHook('onRequest', (request, _reply, done) => {
    const host = own.foreignHostOf(request.raw.rawHeaders)
    if (host === undefined || bearer?.isSentIn(request.raw.rawHeaders)) {
      done()
      return
    }
    const shown = JSON.stringify(host.slice(0, MAX_SHOWN))
    if (loggedHosts.isFirst(shown))
      request.log.warn(
        `Pages of /__lb/ are not shown to requests for the host ${shown}, which could be another site's: ` +
          'LB_ADMIN_HOSTS lists more that are its own'
      )
    done(foreignHost())
  })
}

export default hostCheck
