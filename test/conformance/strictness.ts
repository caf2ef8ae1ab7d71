import { type Field, fieldValues, type Message } from '../support/wire.js'

const REQUEST_LINE = /^[A-Z-]+ (\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/
const STATUS_LINE = /^HTTP\/1\.1 [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const VALUE = /^([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** What is not as RFC 9110 and 9112 have it in a message that the balancer wrote, beyond what keeps it from being read. */
export function faultsOf(message: Message, kind: 'request' | 'response'): string[] {
  const { startLine, fields, trailers } = message
  const faults: string[] = []
  if (!(kind === 'request' ? REQUEST_LINE : STATUS_LINE).test(startLine)) faults.push(startLine)
  for (const field of [...fields, ...trailers]) if (!isField(field)) faults.push(field.join(': '))
  const framing = ['content-length', 'transfer-encoding'].flatMap((name) => fieldValues(fields, name))
  if (framing.length > 1 || !framing.every((value) => /^(\d+|chunked)$/.test(value)))
    faults.push(`framed by ${framing}`)
  if (kind === 'request' && fieldValues(fields, 'host').length !== 1) faults.push('not one Host')
  for (const [name] of trailers)
    if (/^(content-length|transfer-encoding|host)$/i.test(name)) faults.push(name)
  return faults.map((fault) => JSON.stringify(fault))
}

const isField = ([name, value]: Field) => NAME.test(name) && VALUE.test(value)
