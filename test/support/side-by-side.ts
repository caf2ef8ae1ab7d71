import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type Agent, createServer, type IncomingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { load } from 'js-yaml'
import type { Test } from 'tap'
import { convert, type Format } from '../../convert/index.js'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, startRoutes } from '../helper.js'
import { Child } from './child.js'

/** One request, and in what it differs from a `GET` without fields. */
export interface Question {
  readonly host: string
  readonly target: string
  readonly method?: string
  readonly fields?: Readonly<Record<string, string>>
}

/** What became of a request: which backend got it, and what that got; or what was answered in its place. */
export interface Answer {
  readonly status: number
  readonly backend: string | undefined
  readonly target: string | undefined
  readonly host: string | undefined
  readonly location: string | undefined
  readonly fields: Readonly<Record<string, string | undefined>>
}

/** A host of a configuration that stands for a backend of the test, such as `app.internal:3000`. */
const BACKEND = /\b([a-z]\w*)\.internal(?::\d+)?/g
/** Fields of requests and responses that are compared, if a configuration sets them. */
const OWN = /^x-(?!forwarded|request-id|real-ip|backend)/

/** Starts a backend for each host that a configuration names, which tells what it got; returns the text with their addresses. */
export async function withBackends(t: Test, text: string): Promise<string> {
  const names = new Set([...text.matchAll(BACKEND)].map(([, name]) => name!))
  const addresses = new Map<string, string>()
  for (const name of names) {
    const server = createServer((req, res) => {
      const { url, headers, method } = req
      req.resume()
      res.setHeader('X-Backend', name)
      res.end(JSON.stringify({ backend: name, url, method, headers }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    atEnd(t, () => {
      server.closeAllConnections()
      server.close()
    })
    addresses.set(name, `127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  return text.replace(BACKEND, (_, name: string) => addresses.get(name)!)
}

/** How a configuration is run by the program that it was written for, at a port. */
const ORIGINALS: Readonly<
  Record<Format, (text: string, port: number, folder: string) => { text: string; args: string[] }>
> = {
  nginx: (text, port, folder) => ({
    text: `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; events {}
${text.includes('http {') ? '' : 'http {'}
${text
  .replaceAll(/listen (?:\[::\]:)?80\b/g, `listen 127.0.0.1:${port}`)
  .replace('http {', `http { access_log off; ${temporary(folder)}`)}
${text.includes('http {') ? '' : '}'}`,
    args: ['-p', folder, '-e', 'stderr', '-c']
  }),
  haproxy: (text, port) => ({
    text: text.replaceAll(/bind \*?:80\b/g, `bind 127.0.0.1:${port}`),
    args: ['-db', '-f']
  }),
  caddy: (text, port) => ({
    text: text.startsWith('{')
      ? text.replace('{', `{\n\tadmin off\n\thttp_port ${port}\n\tauto_https off`)
      : `{\n\tadmin off\n\thttp_port ${port}\n\tauto_https off\n}\n${text}`,
    args: ['run', '--adapter', 'caddyfile', '--config']
  })
}

const temporary = (folder: string) =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')

/** Starts the program that a configuration was written for; returns its port. */
export async function startOriginal(t: Test, format: Format, given: string): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'original-'))
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const { text, args } = ORIGINALS[format](given, port, folder)
  const file = path.join(folder, 'configuration')
  writeFileSync(file, text)
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = new Child(t, [...args, file], env, { program: format })
  await eventually(() => {
    if (child.ended !== undefined) throw new Error(`${format} has ended: ${child.output}`)
    return isListening(port)
  }, 10_000)
  return port
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Starts a balancer with the converted configuration; returns its port. */
export async function startConverted(t: Test, format: Format, text: string): Promise<number> {
  const { yaml } = convert(format, { text, file: format, port: undefined, env: {} })
  const { port: _, ...content } = load(yaml) as Record<string, unknown>
  return (await startRoutes(t, content, { LB_NO_HEALTH_CHECK: 'true' })).port
}

/** Asks, and tells what became of it, without ports of the test. */
export async function ask(port: number, question: Question, agent: Agent): Promise<Answer> {
  const { host, target, method = 'GET', fields = {} } = question
  const { status, headers, body } = await new Promise<{
    status: number
    headers: IncomingHttpHeaders
    body: string
  }>((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, path: target, method, headers: { host, ...fields } }, (res) => {
      let body = ''
      res.setEncoding('utf8').on('data', (part) => {
        body += part
      })
      res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, body }))
    })
      .on('error', reject)
      .end()
  })
  const got = headers['x-backend'] === undefined || body === '' ? undefined : JSON.parse(body)
  const own = (all: IncomingHttpHeaders) => Object.entries(all).filter(([name]) => OWN.test(name))
  return {
    status,
    backend: headers['x-backend'] as string | undefined,
    target: got?.url,
    host: got?.headers.host.replace(/:\d+$/, ''),
    location: headers.location && new URL(headers.location, `http://${host}`).href.replace(/:\d+(?=\/)/, ''),
    fields: Object.fromEntries([...own(headers), ...own(got?.headers ?? {})]) as Record<string, string>
  }
}
