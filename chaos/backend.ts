import { once } from 'node:events'
import { openSync, writeSync } from 'node:fs'
import http from 'node:http'

import { arrivalBinMs, type BackendMessage, type Behaviour, Entry, wellBehaved } from './backend-control.js'
import { nowMs } from './clock.js'

// Usage: fork('backend.js', [INDEX, PORT, LEDGER]); the parent changes its behaviour by sending another one. What happens
// is entered in the ledger, if there is one, before it does.

const [index, port, ledgerFile] = process.argv.slice(2)
const ledger = ledgerFile === undefined ? undefined : openSync(ledgerFile, 'a')
const body = Buffer.alloc(33, 'x')
const bytesBeforeReset = 10
const stopGraceMs = 1000

let behaviour: Behaviour = wellBehaved
let isStopping = false
const arrivals = new Map<number, number>()

const server = http.createServer((request, response) => {
  if (request.url === '/health') {
    send(response, 200)
    return
  }
  enter('arrived')
  const bin = Math.floor(nowMs() / arrivalBinMs)
  arrivals.set(bin, (arrivals.get(bin) ?? 0) + 1)
  response.setHeader('x-backend', index!)
  response.setHeader('x-target', request.url!)
  if (behaviour.mode === 'error') send(response, 500)
  else setTimeout(answer, behaviour.delayMs, response)
})

function answer(response: http.ServerResponse): void {
  if (behaviour.mode === 'reset') breakOff(response)
  else send(response, 200)
}

function enter(entry: keyof typeof Entry): void {
  if (ledger !== undefined) writeSync(ledger, Entry[entry])
}

function send(response: http.ServerResponse, status: 200 | 500): void {
  if (response.req.url !== '/health') enter(status === 200 ? 'ok' : 'error')
  if (isStopping || behaviour.refusing) response.setHeader('connection', 'close')
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': body.length })
  response.end(body)
}

function breakOff(response: http.ServerResponse): void {
  enter('broken')
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
  response.write(body.subarray(0, bytesBeforeReset), () => response.socket?.resetAndDestroy())
}

function listen(): http.Server {
  return server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
}

function tell(message: BackendMessage): void {
  if (process.connected) process.send!(message)
}

async function adopt(next: Behaviour): Promise<void> {
  behaviour = next
  if (next.refusing) server.close()
  else if (!server.listening) await once(listen(), 'listening')
  tell({ type: 'set' })
}

function report(): void {
  if (arrivals.size === 0) return
  tell({ type: 'arrivals', counts: [...arrivals] })
  arrivals.clear()
}

// A backend that closes idle connections would add failures that are no part of the fault.
server.keepAliveTimeout = 600_000
server.once('listening', () => tell({ type: 'listening' }))
listen()
setInterval(report, arrivalBinMs)
process.on('message', adopt)
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => {
  isStopping = true
  server.close(() => process.exit())
  setTimeout(() => process.exit(), stopGraceMs)
})
