import http from 'node:http'
import type { Test } from 'tap'
import { listen } from './listen.js'
import { eventually } from './test.js'

/** A span as OTLP has it in JSON. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly name: string
  /** 2 of a server, 3 of a client. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  /** 2 for an error. */
  readonly status: { readonly code?: number }
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}

export const SERVER = 2
export const CLIENT = 3
export const ERROR = 2

type KeyValue = { readonly key: string; readonly value: Readonly<Record<string, unknown>> }

/** A collector that takes traces over OTLP/HTTP. */
export class Collector {
  readonly spans: CollectedSpan[] = []
  readonly resources: Readonly<Record<string, unknown>>[] = []
  /** Of the requests that were not JSON. */
  readonly bodies: Buffer[] = []
  readonly types = new Set<string>()
  readonly paths = new Set<string>()
  url = ''
  readonly #server = http.createServer(async (req, res) => {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part)
    const body = Buffer.concat(parts)
    this.paths.add(`${req.method} ${req.url}`)
    this.types.add(req.headers['content-type']!)
    if (req.headers['content-type'] === 'application/json') this.#take(JSON.parse(body.toString()))
    else this.bodies.push(body)
    res.setHeader('Content-Type', req.headers['content-type']!).end()
  })

  async listen(t: Test): Promise<this> {
    this.url = `http://${await listen(t, this.#server)}`
    return this
  }

  async untilSpans(count: number): Promise<CollectedSpan[]> {
    await eventually(() => this.spans.length >= count, 10_000)
    return this.spans
  }

  // biome-ignore lint/suspicious/noExplicitAny: as deep as OTLP's messages are.
  #take({ resourceSpans }: any): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resources.push(record(resource.attributes))
      for (const { spans } of scopeSpans)
        for (const span of spans) this.spans.push({ ...span, attributes: record(span.attributes) })
    }
  }
}

function record(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))
}
