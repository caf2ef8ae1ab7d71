import type { IncomingMessage } from 'node:http'
import type { Config } from '../../lib/config/load.js'
import { readMember } from '../../lib/discovery/spec/template.js'
import { ownContext, parentsOnly, traceParentOf } from '../../lib/observe/tracing/trace-context.js'
import type { BackendConfig } from '../../lib/pool/spec/backend-spec.js'
import { DryRun, type DryRunOptions } from '../../lib/proxy/dry-run/dry-run.js'
import type { TraceContext } from '../../lib/proxy/request/forwarding-fields.js'

/** The name of the pool that the variables make. */
const DEFAULT_POOL = 'default'
const NEW_SPAN = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), flags: 1 }

/** What would serve requests with a configuration. */
export function dryRunOf(config: Config): DryRun {
  const { routing, limits, access, methods, trustedProxies: trusted } = config
  return new DryRun({
    pools: (routing?.pools ?? [{ name: DEFAULT_POOL, config }]).map(({ name, config: own }) => ({
      name,
      backends: [...own.backends, ...standIns(own)],
      options: { ...own, trusted: own.trustedProxies }
    })),
    routes: routing?.routes,
    limits,
    access,
    trusted,
    methods,
    tracing: tracingOf(config)
  })
}

/** A backend for each source, which is not asked: what it would tell of. */
function standIns({ sources }: Config): BackendConfig[] {
  return sources.flatMap(({ template }, index) => {
    const entry = `backend-of-source-${index + 1}:80`
    return (
      readMember(
        entry,
        template,
        () => undefined,
        () => {}
      ) ?? []
    )
  })
}

/** The trace of a request, with zeros for what is new in it. */
function tracingOf({ tracing: { spans, makesParent } }: Config): DryRunOptions['tracing'] {
  if (spans) return { begin: (req) => ownContext(NEW_SPAN, traceParentOf(req) !== undefined) }
  return makesParent ? { begin: newParent } : undefined
}

function newParent(req: IncomingMessage, target: string): TraceContext {
  const trace = parentsOnly.begin(req, target)
  return trace.line === '' ? trace : ownContext(NEW_SPAN, false)
}
