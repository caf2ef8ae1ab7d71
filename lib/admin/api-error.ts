/** An error that the API answers with, in the shape of Fastify's errors. */
export class ApiError extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

export const unauthorized = (variable: string) =>
  new ApiError(401, 'LB_UNAUTHORIZED', `Send "Authorization: Bearer" with the token of ${variable}`)
export const foreignOrigin = () =>
  new ApiError(403, 'LB_FOREIGN_ORIGIN', 'This is not for pages of other sites')
export const foreignHost = () =>
  new ApiError(
    421,
    'LB_FOREIGN_HOST',
    'This host is not known to be the balancer: list it in LB_ADMIN_HOSTS if it is'
  )
export const twoHosts = () => new ApiError(400, 'LB_BAD_REQUEST', 'The request names two hosts')
export const noSuchBackend = () =>
  new ApiError(404, 'LB_NO_SUCH_BACKEND', 'There is no backend with this address')
export const bodyTimeout = () => new ApiError(408, 'LB_BODY_TIMEOUT', 'The body did not come in time')
export const backendExists = () =>
  new ApiError(409, 'LB_BACKEND_EXISTS', 'There is a backend with this address already')
export const discoveredBackend = (source: string) =>
  new ApiError(
    409,
    'LB_DISCOVERED_BACKEND',
    `This backend comes from ${source}: only its weight, max, backup, draining and health can be set here`
  )
export const lastBackend = () =>
  new ApiError(409, 'LB_LAST_BACKEND', 'This is the last backend: add another one first')
export const foreignAddress = (address: string) =>
  new ApiError(
    403,
    'LB_FOREIGN_ADDRESS',
    `${address} may not be registered from here: LB_REGISTER_RANGES lists what others may register`
  )
export const noSuchLease = () => new ApiError(404, 'LB_NO_SUCH_LEASE', 'There is no lease of this address')
export const tooManyLeases = (max: number) =>
  new ApiError(409, 'LB_TOO_MANY_LEASES', `The pool has ${max} registered backends already (LB_REGISTER_MAX)`)
export const versionChanged = () =>
  new ApiError(412, 'LB_VERSION_CHANGED', 'The list has changed since: read it again')
export const bodyTooLarge = (limit: number) =>
  new ApiError(413, 'LB_BODY_TOO_LARGE', `The body is larger than ${limit} bytes`)
export const notJson = () => new ApiError(415, 'LB_NOT_JSON', 'Send application/json')
export const brokenJson = (detail: string) =>
  new ApiError(400, 'LB_BROKEN_JSON', `The body is not JSON: ${detail}`)
export const wrongBackend = (detail: string) => new ApiError(400, 'LB_WRONG_BACKEND', detail)
export const notSaved = () =>
  new ApiError(500, 'LB_NOT_SAVED', 'It is done, but LB_STATE_FILE could not be written: see the log')
export const beingReplaced = () =>
  new ApiError(503, 'LB_UPGRADE', 'Another process is taking over, which would not know of it: try again')
export const noAnswer = () =>
  new ApiError(503, 'LB_NO_ANSWER', 'The thread that knows the answer has not given one')
