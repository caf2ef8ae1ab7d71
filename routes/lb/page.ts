import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

/** Served as they are. From the sources as they are compiled. */
const FOLDER = path.join(__dirname, '../../../routes/lb/page')
const DOCUMENT = 'page.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/** It asks nobody else for anything, and nothing runs in it but its own files. */
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

/** The page of the operators, and the files that it is made of. */
const page: FastifyPluginAsync = async (fastify) => {
  // Kept in memory, to be there when no file can be opened any more.
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[path.extname(name)]
    if (!type) continue
    const content = readFileSync(path.join(FOLDER, name))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`
    const handler = (request: FastifyRequest, reply: FastifyReply) => {
      reply.headers({ ...HEADERS, 'Content-Type': type, ETag: etag })
      if (isKept(etag, request.headers['if-none-match'])) reply.code(304).send()
      else reply.send(content)
    }
    if (name === DOCUMENT) fastify.get('/', { prefixTrailingSlash: 'slash' }, handler)
    else fastify.get(`/page/${name}`, handler)
  }
}

/** Whether `If-None-Match` names this version (RFC 9110 section 13.1.2). */
function isKept(etag: string, ifNoneMatch: string | undefined): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

export default page
