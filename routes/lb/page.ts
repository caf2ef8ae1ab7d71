import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Files that are served unchanged; the path is relative to the compiled file. */
const FOLDER = path.join(__dirname, '../../../routes/lb/page')
const DOCUMENT = 'page.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/** Content-Security-Policy: the page loads and runs only its own files. */
const POLICY = [
  "default-src 'none'",
  ...['script-src', 'style-src', 'img-src', 'connect-src'].map((kind) => `${kind} 'self'`),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')
const HEADERS = {
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff'
}

interface PageFile {
  readonly type: string
  readonly content: Buffer
  readonly etag: string
}

/** The files by name, kept in memory to be available when no file can be opened. */
function readFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[path.extname(name)]
    if (!type) continue
    const content = readFileSync(path.join(FOLDER, name))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`
    files.set(name, { type, content, etag })
  }
  return files
}

let read: ReadonlyMap<string, PageFile> | undefined

/** The page of the operators, and the files that it is made of. */
export default function page(fastify: FastifyInstance): void {
  read ??= readFiles()
  const files = read
  const send = ({ type, content, etag }: PageFile, request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({ ...HEADERS, 'Content-Type': type, ETag: etag })
    if (isKept(etag, request.headers['if-none-match'])) reply.code(304).send()
    else reply.send(content)
  }
  fastify.get('/', { prefixTrailingSlash: 'slash' }, (request, reply) => {
    send(files.get(DOCUMENT)!, request, reply)
  })
  fastify.get<{ Params: { name: string } }>('/page/:name', (request, reply) => {
    const { name } = request.params
    const file = name === DOCUMENT ? undefined : files.get(name)
    if (file) send(file, request, reply)
    else reply.callNotFound()
  })
}

/** Whether `If-None-Match` names this version (RFC 9110 section 13.1.2). */
function isKept(etag: string, ifNoneMatch: string | undefined): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}
