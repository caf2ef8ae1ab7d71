import * as v from 'valibot'
import { ApiError } from './api-error.js'

const MAX_MESSAGE = 300
const MAX_RETRY_AFTER_MS = 30_000
const CONTROL = /[\p{Cc}\p{Cf}]+/gu

const status = v.object({
  kind: v.literal('Status'),
  code: v.nullish(v.number()),
  message: v.nullish(v.string()),
  reason: v.nullish(v.string()),
  details: v.nullish(v.object({ retryAfterSeconds: v.nullish(v.number()) }))
})

/**
 * The error that a `Status` of the API tells of.
 * @param value what was received in its place
 * @param statusCode of the response, where that has one
 * @param retryAfter its `Retry-After`, in seconds
 */
export function errorOf(value: unknown, statusCode: number, retryAfter?: string): ApiError {
  const { success, output } = v.safeParse(status, value)
  const told = success ? output : undefined
  const code = told?.code || statusCode
  const seconds = Number(retryAfter ?? told?.details?.retryAfterSeconds ?? 0)
  const waitMs = seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : 0
  const said = `${told?.message || told?.reason || ''}`.replace(CONTROL, ' ').slice(0, MAX_MESSAGE)
  const what = code > 0 ? `status ${code}` : 'an error'
  return new ApiError(said === '' ? what : `${what}: ${said}`, code, waitMs)
}
