/** Why a request to the API is not done, in the shape of Fastify's errors. */
export class Refusal extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

export const unauthorized = () =>
  new Refusal(401, 'LB_UNAUTHORIZED', 'Send "Authorization: Bearer" with the token of LB_ADMIN_TOKEN')
export const foreignOrigin = () =>
  new Refusal(403, 'LB_FOREIGN_ORIGIN', 'This is not for pages of other sites')
export const foreignHost = () =>
  new Refusal(
    421,
    'LB_FOREIGN_HOST',
    'This host is not known to be the balancer: list it in LB_ADMIN_HOSTS if it is'
  )
export const twoHosts = () => new Refusal(400, 'LB_BAD_REQUEST', 'The request names two hosts')
export const noSuchBackend = () =>
  new Refusal(404, 'LB_NO_SUCH_BACKEND', 'There is no backend with this address')
export const bodyTimeout = () => new Refusal(408, 'LB_BODY_TIMEOUT', 'The body did not come in time')
export const backendExists = () =>
  new Refusal(409, 'LB_BACKEND_EXISTS', 'There is a backend with this address already')
export const lastBackend = () =>
  new Refusal(409, 'LB_LAST_BACKEND', 'This is the last backend: add another one first')
export const versionChanged = () =>
  new Refusal(412, 'LB_VERSION_CHANGED', 'The list has changed since: read it again')
export const bodyTooLarge = (limit: number) =>
  new Refusal(413, 'LB_BODY_TOO_LARGE', `The body is larger than ${limit} bytes`)
export const notJson = () => new Refusal(415, 'LB_NOT_JSON', 'Send application/json')
export const brokenJson = (detail: string) =>
  new Refusal(400, 'LB_BROKEN_JSON', `The body is not JSON: ${detail}`)
export const wrongBackend = (detail: string) => new Refusal(400, 'LB_WRONG_BACKEND', detail)
export const notSaved = () =>
  new Refusal(500, 'LB_NOT_SAVED', 'It is done, but LB_STATE_FILE could not be written: see the log')
