import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type ApiDocument, apiPage, PAGE_POLICY } from '../../../lib/admin/api-page.js'

/** Written by `npm run docs`; the path is relative to the compiled file. */
const FILE = path.join(__dirname, '../../../../docs/openapi.json')

/** The API's documentation: OpenAPI for programs, a page for people. It is read from disk each time, as that is rare. */
export default function document(fastify: FastifyInstance): void {
  fastify.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.type('application/json; charset=utf-8')
    return readFile(FILE)
  })

  fastify.get('/', { prefixTrailingSlash: 'slash', schema: { hide: true } }, async (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('Content-Security-Policy', PAGE_POLICY)
    return apiPage(JSON.parse(await readFile(FILE, 'utf8')) as ApiDocument)
  })
}
