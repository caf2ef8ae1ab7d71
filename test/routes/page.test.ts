import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { startBalancer, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { ROOT } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const TYPES: Readonly<Record<string, string>> = {
  '': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}
/** What a document, a style sheet or a script asks for. */
const REFERENCE = /(?:(?:src|href)="|from '|import '|url\()([^"'#)]+)/g
const OTHER_PAGES = new Set(['stats', 'metrics', 'api/'])
/** The name of a kind of document, which nobody asks for. */
const NAMESPACE = 'http://www.w3.org/2000/svg'

const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** The page and everything that it asks for, by its path. */
async function filesOf(t: Test, port: number): Promise<Map<string, Message>> {
  const client = await RawClient.open(t, port)
  const files = new Map<string, Message>()
  const ask = async (target: string): Promise<void> => {
    if (files.has(target)) return
    client.send(get(target))
    const message = await client.response()
    files.set(target, message)
    for (const [, reference] of message.body.toString().matchAll(REFERENCE)) {
      if (OTHER_PAGES.has(reference!)) continue
      await ask(new URL(reference!, `http://x${target}`).pathname)
    }
  }
  await ask('/__lb/')
  return files
}

test('the page and all its files are served, and it loads nothing else', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const files = await filesOf(t, port)
  for (const [target, { fields, body, ...message }] of files) {
    t.equal(statusOf(message as Message), 200, target)
    t.equal(fieldValue(fields, 'content-type'), TYPES[path.extname(target)], target)
    t.equal(fieldValue(fields, 'content-length'), String(body.length))
    t.equal(fieldValue(fields, 'cache-control'), 'no-cache')
    t.equal(fieldValue(fields, 'x-content-type-options'), 'nosniff')
    t.equal(fieldValue(fields, 'referrer-policy'), 'no-referrer')
    t.equal(fieldValue(fields, 'cross-origin-resource-policy'), 'same-origin')
    const policy = fieldValue(fields, 'content-security-policy') ?? ''
    t.match(policy, /^default-src 'none'; script-src 'self';/)
    t.match(policy, "frame-ancestors 'none'")
    t.notMatch(policy, 'unsafe')
    const text = body.toString().replaceAll(NAMESPACE, '')
    t.notMatch(text, /https?:|["'(]\/\//, `${target} names no other host`)
    t.notMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/, target)
  }
  const served = readdirSync(path.join(ROOT, 'routes/lb/page')).filter((name) => name !== 'package.json')
  t.equal(files.size, served.length, 'and nothing lies there that is not used')
  t.equal(backend.requests.length, 0)
})

test('a file that the browser has cached is not sent again', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const client = await RawClient.open(t, port)
  const ask = async (target: string, ...fields: string[]) => {
    client.send(get(target, ...fields))
    return client.response()
  }
  const tags: string[] = []
  for (const target of ['/__lb/', '/__lb/page/app.js']) {
    const tag = fieldValue((await ask(target)).fields, 'etag')!
    tags.push(tag)
    for (const kept of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const answer = await ask(target, `If-None-Match: ${kept}`)
      t.equal(statusOf(answer), 304, kept)
      t.equal(answer.body.length, 0)
      t.equal(fieldValue(answer.fields, 'etag'), tag)
    }
    for (const other of ['"other"', tag.slice(1, -1), '""'])
      t.equal(statusOf(await ask(target, `If-None-Match: ${other}`)), 200, other)
  }
  t.not(tags[0], tags[1])
})

test('HEAD is GET without the body', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  for (const target of ['/__lb/', '/__lb/page/frame.css']) {
    const whole = await exchange(t, port, get(target))
    const head = await exchange(t, port, get(target).replace('GET', 'HEAD'), { head: true })
    t.equal(statusOf(head), 200)
    t.equal(fieldValue(head.fields, 'content-length'), String(whole.body.length))
    t.equal(fieldValue(head.fields, 'etag'), fieldValue(whole.fields, 'etag'))
  }
})

test('other files of its folder and other methods get 404', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  const client = await RawClient.open(t, port)
  for (const target of [
    ...['page.html', 'page/page.html', 'page/package.json', 'page/../page.js', 'page/..%2findex.ts'],
    ...['page/%61pp.js', 'page/APP.js', 'page/app.js/', 'page//app.js', 'page/app.js;x', 'page/app.js%00']
  ]) {
    client.send(get(`/__lb/${target}`))
    t.equal(statusOf(await client.response()), 404, target)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])
    for (const target of ['/__lb/', '/__lb/page/app.js']) {
      client.send(get(target).replace('GET', method))
      t.equal(statusOf(await client.response()), 404, `${method} ${target}`)
    }
})

test('other addresses get 404 for all of it, whatever their fields say', async (t) => {
  const env = { LB_ADMIN_ALLOW: '10.0.0.0/8', LB_ADMIN_TOKEN: TOKEN }
  const { port } = await startBalancer(t, 'a.example:80', env)
  const { port: open } = await startBalancer(t, 'a.example:80')
  const { body: nothing } = await exchange(t, port, get('/__lb/nosuch'))
  const client = await RawClient.open(t, port)
  for (const target of (await filesOf(t, open)).keys())
    for (const fields of [
      [],
      ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1', 'Forwarded: for=10.0.0.1'],
      ['X-Original-URL: /__lb/', 'X-HTTP-Method-Override: GET', 'If-None-Match: *'],
      [`Authorization: Bearer ${TOKEN}`, 'Origin: http://x', 'Sec-Fetch-Site: same-origin']
    ]) {
      client.send(get(target, ...fields))
      const answer = await client.response()
      t.equal(statusOf(answer), 404, target)
      t.same(answer.body, nothing, 'nor is it told from what there is not')
      t.equal(fieldValue(answer.fields, 'etag'), undefined)
    }
})
