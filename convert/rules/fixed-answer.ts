import type { RouteSettings } from './rule.js'

/** Answers that have no body (RFC 9110 section 15). */
const BODILESS = new Set([204, 205, 304])

/** What is answered with a status, and with a body if there is one; `500` for no status that can be. */
export function fixedAnswer(
  status: number,
  content: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | undefined },
  leaveOut: (why: string) => void
): RouteSettings {
  const isRight = Number.isInteger(status) && status >= 200 && status <= 599
  if (!isRight) leaveOut('a fixed answer has a status from 200 to 599; it is 500 instead')
  const { headers = {}, body = '' } = BODILESS.has(status) ? {} : content
  return {
    respond: {
      status: isRight ? status : 500,
      ...(Object.keys(headers).length > 0 && { headers }),
      ...(body !== '' && { body })
    }
  }
}
