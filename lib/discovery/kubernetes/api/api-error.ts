import { describeNetworkError } from '../../../base/network-error.js'
import { AccessError } from '../access/access.js'

/** What the API server refuses, or answers wrongly. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  /**
   * @param statusCode of the answer, or of the `Status` in it; 0 if it is none that the API knows
   * @param retryAfterMs how long it wants to be left alone
   */
  constructor(
    message: string,
    readonly statusCode: number,
    readonly retryAfterMs = 0
  ) {
    super(message)
  }
}

/** A watch has ended in a way from which it cannot go on, which says nothing of the API server yet. */
export class WatchEnd extends Error {
  override readonly name = 'WatchEnd'
}

/** What the resource version says is not known any more: all is to be listed again. */
export const GONE = 410
export const UNAUTHORIZED = 401

/** Describes what went wrong with a request to the API server, without secrets. */
export function describeApiFailure(error: unknown): string {
  return error instanceof ApiError || error instanceof AccessError
    ? error.message
    : describeNetworkError(error)
}
