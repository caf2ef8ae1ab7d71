import type { ServerResponse } from 'node:http'

export function json(res: ServerResponse, status: number, value: object): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

/** A `Status` of the API. */
export const statusOf = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code
})

export function refuse(res: ServerResponse, code: number, reason: string, message: string): void {
  json(res, code, statusOf(code, reason, message))
}
