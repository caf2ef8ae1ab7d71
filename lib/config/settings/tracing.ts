import { flag } from '../../base/values/values.js'
import { EXPORTERS, PROTOCOLS, type SpanConfig } from '../../observe/tracing/options.js'
import { variable } from '../variable.js'

/** The variables of tracing that are Fairlead's own. */
export const tracingVariables = {
  LB_TRACEPARENT: variable(flag(), {
    description:
      'Adds a `traceparent` field (W3C Trace Context) to requests without a valid one. A valid one is always passed on ' +
      'unchanged.',
    fallback: 'false',
    flags: '--traceparent'
  })
}

type Env = Readonly<Record<string, string | undefined>>

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio'
] as const

/** Options of tracing. */
export interface TracingConfig {
  /** Whether requests without a valid `traceparent` are given one. */
  readonly makesParent: boolean
  /** Undefined if no spans are recorded. */
  readonly spans: SpanConfig | undefined
}

/** Reads OpenTelemetry's variables; an empty one counts as not set, as its specification says. */
export function tracingOf(makesParent: boolean, env: Env, fault: (message: string) => void): TracingConfig {
  const askedBy = [
    'OTEL_TRACES_EXPORTER',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'OTEL_EXPORTER_OTLP_ENDPOINT'
  ].find((name) => env[name])
  const isDisabled = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true'
  if (!askedBy || isDisabled || env.OTEL_TRACES_EXPORTER === 'none') return { makesParent, spans: undefined }

  const oneOf = <Word extends string>(names: readonly string[], words: readonly Word[], fallback: Word) => {
    const name = names.find((candidate) => env[candidate])
    if (name === undefined) return fallback
    const word = words.find((known) => known === env[name])
    if (word === undefined) fault(`${name} must be one of ${words.join(', ')}, but is "${env[name]}"`)
    return word ?? fallback
  }
  const exporter = oneOf(['OTEL_TRACES_EXPORTER'], EXPORTERS, 'otlp') as SpanConfig['exporter']
  const protocol = oneOf(
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    PROTOCOLS,
    'http/protobuf'
  )
  oneOf(['OTEL_TRACES_SAMPLER'], SAMPLERS, 'parentbased_always_on')
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
    const url = env[name]
    if (url && !/^https?:\/\//.test(URL.canParse(url) ? url : ''))
      fault(`${name} must be a URL such as http://127.0.0.1:4318, but is "${url.replace(/^.*@/, '***@')}"`)
  }
  const missing = packagesOf(exporter, protocol).filter((name) => !isInstalled(name))
  if (missing.length > 0)
    fault(
      `${askedBy} asks for traces, and these packages are not installed: npm install ${missing.join(' ')} ` +
        '(or set OTEL_TRACES_EXPORTER=none)'
    )
  return { makesParent, spans: { exporter, protocol } }
}

function packagesOf(exporter: SpanConfig['exporter'], protocol: SpanConfig['protocol']): string[] {
  const names = ['api', 'resources', 'sdk-trace-base']
  if (exporter === 'otlp')
    names.push(protocol === 'http/json' ? 'exporter-trace-otlp-http' : 'exporter-trace-otlp-proto')
  return names.map((name) => `@opentelemetry/${name}`)
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}
