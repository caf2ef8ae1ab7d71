import type { IncomingMessage } from 'node:http'
import Negotiator from 'negotiator'
import type { ErrorPage } from '../options.js'
import { FieldEdits } from './field-edits.js'

/** Fields that describe the body that a page replaces, or say how long it may be kept. */
const OF_REPLACED_BODY = [
  'accept-ranges',
  'age',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'repr-digest'
]

/** A body in place of that of an error, with its type. */
export class Page {
  /** One character a byte. */
  readonly text: string
  readonly bytes: Buffer
  /** What is changed in the fields of an answer that gets this body. */
  readonly edits: FieldEdits

  constructor(content: string, type: string) {
    this.bytes = Buffer.from(content)
    this.text = this.bytes.toString('latin1')
    const fields = [
      ['Content-Type', `${type}; charset=utf-8`],
      ['Content-Length', `${this.bytes.length}`],
      ['Vary', 'Accept']
    ] as const
    this.edits = FieldEdits.unchecked(OF_REPLACED_BODY, fields)
  }
}

interface Range {
  readonly from: number
  readonly to: number
  readonly html: Page | undefined
  readonly json: Page | undefined
  readonly ofBackends: boolean
}

const HTML = 'text/html'
const JSON_TYPE = 'application/json'
/** The first is for those who do not say, and those who want neither. */
const TYPES = [JSON_TYPE, HTML]

/**
 * The pages of a route in place of answers with an error status. Of those for a status the first counts. A client gets the
 * page of the type that it prefers; without one of that type the answer stays as it is.
 */
export class ErrorPages {
  readonly #ranges: readonly Range[]

  constructor(pages: readonly ErrorPage[]) {
    this.#ranges = pages.map(({ from, to, html, json, ofBackends }) => ({
      from,
      to,
      html: html === undefined ? undefined : new Page(html, HTML),
      json: json === undefined ? undefined : new Page(json, JSON_TYPE),
      ofBackends
    }))
  }

  /** In place of an answer of the balancer itself. */
  ofBalancer(req: IncomingMessage, statusCode: number): Page | undefined {
    const range = this.#ranges.find(({ from, to }) => statusCode >= from && statusCode <= to)
    return range && pageFor(req, range)
  }

  /** In place of the answer of a backend. */
  ofBackend(req: IncomingMessage, statusCode: number): Page | undefined {
    const range = this.#ranges.find(({ from, to }) => statusCode >= from && statusCode <= to)
    return range?.ofBackends ? pageFor(req, range) : undefined
  }
}

function pageFor(req: IncomingMessage, { html, json }: Range): Page | undefined {
  return new Negotiator(req).mediaTypes(TYPES)[0] === HTML ? html : json
}
