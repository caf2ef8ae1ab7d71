import type { Socket } from 'node:net'
import { trimBlanks } from '../../../base/http/characters.js'
import { Bodiless, type LightRequest, type ReadHead } from '../../request/light-request.js'
import { type BodySource, PushedRequest } from '../../request/pushed-request.js'

/** A request without a body that the lane has read. */
class LaneBodiless extends Bodiless {
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly #fields: string

  constructor(socket: Socket, head: ReadHead, fields: string) {
    super(socket, head)
    this.#fields = fields
  }

  protected listFields(): string[] {
    return fieldsOf(this.#fields)
  }
}

/** Makes a request without a body of the head that was read last. */
export const bodilessRequest = (socket: Socket, head: ReadHead, fields: string): LightRequest =>
  new LaneBodiless(socket, head, fields) as unknown as LightRequest

/** A request with a body of declared length, which its connection pushes into it. */
export class LaneUpload extends PushedRequest {
  constructor(socket: Socket, head: ReadHead, fields: string, source: BodySource) {
    super(socket, head, fieldsOf(fields), source)
    this.httpVersion = '1.1'
    this.httpVersionMajor = 1
    this.httpVersionMinor = 1
  }
}

/** Names and values in turn, of lines that were checked. */
function fieldsOf(lines: string): string[] {
  const list: string[] = []
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon)
    list.push(lines.slice(at, colon), trimBlanks(lines.slice(colon + 1, end)))
    at = end + 2
  }
  return list
}
