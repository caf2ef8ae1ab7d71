export const EXPORTERS = ['otlp', 'console', 'none'] as const

export const PROTOCOLS = ['http/json', 'http/protobuf'] as const

/** The spans that OpenTelemetry's own variables ask for; its packages read the other variables themselves. */
export interface SpanConfig {
  readonly exporter: Exclude<(typeof EXPORTERS)[number], 'none'>
  readonly protocol: (typeof PROTOCOLS)[number]
}
