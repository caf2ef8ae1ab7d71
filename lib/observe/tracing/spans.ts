import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import type { Attributes } from '@opentelemetry/api'
import { redactSecrets } from '../../base/secrets.js'
import { clientOf, isSecure } from '../../listener/client/client-address.js'
import { connectionInfo } from '../../listener/client/connection-info.js'
import type { SpanConfig } from './options.js'
import { methodOf, RequestSpan } from './request-span.js'
import { ownContext, type RequestTrace, type Tracing, traceParentOf } from './trace-context.js'

const SERVER_KIND = 1
/** For the last spans at the end. */
const FLUSH_MS = 3000
/** Least time between two warnings of the packages. */
const COMPLAINT_MS = 60_000
const MAX_QUERY = 2048
const AUTHORITY = /^https?:\/\/[^/?#]*/i
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/

export interface SpansOptions {
  readonly config: SpanConfig
  readonly trusted: BlockList
  readonly version: string
  /** Called when spans cannot be sent, but not each time. */
  onFault(message: string): void
}

/** Loads the packages of OpenTelemetry, set up by its own variables. */
export async function loadSpans({ config, trusted, version, onFault }: SpansOptions): Promise<Tracing> {
  const api = await import('@opentelemetry/api')
  const sdk = await import('@opentelemetry/sdk-trace-base')
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = await import(
    '@opentelemetry/resources'
  )
  let quietUntilMs = 0
  const complain = (message: string) => {
    const nowMs = performance.now()
    if (nowMs < quietUntilMs) return
    quietUntilMs = nowMs + COMPLAINT_MS
    onFault(message)
  }
  const silent = () => {}
  api.diag.setLogger({ error: complain, warn: complain, info: silent, debug: silent, verbose: silent })

  const own = resourceFromAttributes({ 'service.name': 'fairlead', 'service.version': version })
  const provider = new sdk.BasicTracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(await exporterOf(config))]
  })
  const tracer = provider.getTracer('fairlead', version)

  return {
    hasSpans: true,
    record: (ended) => (ended.by.trace as RequestTrace | undefined)?.end(ended),
    begin: (req, target) => {
      const parent = traceParentOf(req)
      const { tracestate } = req.headers
      const above = parent
        ? api.trace.setSpanContext(api.ROOT_CONTEXT, {
            traceId: parent.traceId,
            spanId: parent.spanId,
            traceFlags: parent.flags,
            isRemote: true,
            ...(tracestate === undefined ? {} : { traceState: api.createTraceState(String(tracestate)) })
          })
        : api.ROOT_CONTEXT
      const url = redactSecrets(target).replace(AUTHORITY, '')
      const { name, attributes } = methodOf(req.method!)
      const span = tracer.startSpan(name, { kind: SERVER_KIND, attributes }, above)
      if (span.isRecording()) span.setAttributes(requestAttributes(req, url, trusted))
      const { traceId, spanId, traceFlags: flags } = span.spanContext()
      const context = ownContext({ traceId, spanId, flags }, parent !== undefined)
      return new RequestSpan(context, span, api.trace.setSpan(above, span), tracer, req.method!, url)
    },
    end: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<Error>((resolve) => {
        timer = setTimeout(() => resolve(new Error('the last ones could not be sent in time')), FLUSH_MS)
      })
      const error = await Promise.race([provider.shutdown().catch((error: Error) => error), late])
      clearTimeout(timer)
      if (error) onFault(error.message)
      api.diag.disable()
    }
  }
}

async function exporterOf({ exporter, protocol }: SpanConfig) {
  if (exporter === 'console') return new (await import('@opentelemetry/sdk-trace-base')).ConsoleSpanExporter()
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}

/** The attributes of a server's span, by the HTTP semantic conventions. */
function requestAttributes(req: IncomingMessage, url: string, trusted: BlockList): Attributes {
  const [path = '', query] = url.split(/\?(.*)/s)
  const attributes: Attributes = {
    'url.path': path.slice(0, MAX_QUERY),
    'url.scheme': isSecure(req, trusted) ? 'https' : 'http',
    'client.address': clientOf(req, trusted),
    'network.peer.address': connectionInfo(req.socket, trusted).address,
    'network.protocol.version': req.httpVersionMajor > 1 ? `${req.httpVersionMajor}` : req.httpVersion
  }
  const { host, 'user-agent': agent } = req.headers
  const [, name, port] = HOST.exec(host ?? '') ?? []
  if (query !== undefined) attributes['url.query'] = query.slice(0, MAX_QUERY)
  if (name) attributes['server.address'] = name
  if (port !== undefined) attributes['server.port'] = Number(port)
  if (agent !== undefined) attributes['user_agent.original'] = agent
  return attributes
}
