import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import type { Test } from 'tap'
import { convert, type Format, lineOf } from '../../convert/index.js'
import { test } from '../helper.js'
import { SettingsFile } from '../support/config-file.js'

interface Content {
  readonly pools: Record<string, { backends: string[] }>
  readonly routes: { match?: object; pool?: string; errors?: object[]; respond?: object }[]
}

/** Converts the first of some files, the others of which lie beside it. */
function converted(t: Test, format: Format, files: Readonly<Record<string, string>>, env = {}) {
  const folder = t.testdir()
  const [first = ''] = Object.keys(files)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  const file = path.join(folder, first)
  const { yaml, findings } = convert(format, { text: files[first]!, file, port: undefined, env })
  t.same(new SettingsFile(t).faults(yaml), [])
  const lines = findings.map((finding) => lineOf(finding).replaceAll(`${folder}/`, ''))
  return { content: load(yaml) as Content, lines, folder }
}

const SITE =
  'server { listen 80; server_name NAME; location / { proxy_pass http://app; proxy_set_header Host $host; } }\n'

test('nginx: files are included by name and by pattern, from the folder of the main one', async (t) => {
  const { content, lines } = converted(t, 'nginx', {
    'nginx.conf':
      'http {\n include upstreams.conf;\n include /etc/nginx/sites/*.conf;\n include none.conf;\n include none/*;\n include mime.types;\n}\n',
    'upstreams.conf': 'upstream app { server 127.0.0.1:1; }\n',
    'sites/one.conf': SITE.replace('NAME', 'one.example'),
    'sites/two.conf': `include extra.conf;\n${SITE.replace('NAME', 'two.example')}`,
    'sites/other.txt': 'nonsense',
    'extra.conf': 'nonsense_extra 1;\n'
  })
  t.same(
    content.routes.map(({ match }) => match),
    [{ host: 'two.example' }, undefined]
  )
  t.same(lines, [
    'nginx.conf:4: left out: include none.conf: there is no such file',
    'extra.conf:1: left out: nonsense_extra 1: not understood'
  ])
})

test('nginx: files that include each other are an error', async (t) => {
  t.throws(() => converted(t, 'nginx', { 'nginx.conf': 'include nginx.conf;\n' }), {
    name: 'ConvertError',
    message: /nginx\.conf:1: files include each other without end$/
  })
})

test('own pages for errors are those that are there', async (t) => {
  const nginx = converted(t, 'nginx', {
    'nginx.conf': `upstream app { server 127.0.0.1:1; }
server {
  listen 80;
  error_page 502 503 /50x.html;
  error_page 404 /none.html;
  error_page 403 =200 @fallback;
  proxy_intercept_errors on;
  root pages;
  location / { proxy_pass http://app; proxy_set_header Host $host; }
}
`,
    'pages/50x.html': '<p>sorry</p>'
  })
  const file = path.join(nginx.folder, 'pages/50x.html')
  t.same(nginx.content.routes, [
    { pool: 'app', errors: [{ status: '502,503', 'html-file': file, 'of-backends': true }] }
  ])
  t.same(nginx.lines, [
    'nginx.conf:5: left out: error_page 404 /none.html: a page is a file that is there, and pages/none.html is not',
    'nginx.conf:6: left out: error_page 403 =200 @fallback: a page is a file that is there',
    'nginx.conf:8: left out: root pages: it serves no files: put a server for them behind it as a pool'
  ])
  const haproxy = converted(t, 'haproxy', {
    'haproxy.cfg':
      'defaults\n mode http\n errorfile 503 503.http\n errorfile 502 none.http\nlisten www\n bind :80\n server a 127.0.0.1:1\n',
    '503.http': 'HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<p>sorry</p>\n'
  })
  t.same(haproxy.content.routes, [{ pool: 'www', errors: [{ status: 503, html: '<p>sorry</p>\n' }] }])
  t.same(haproxy.lines, [
    'haproxy.cfg:4: left out: errorfile 502 none.http: a page is the body of a file that is there, for a status from 400'
  ])
})

test('haproxy: patterns come from files, and variables from the environment', async (t) => {
  const { content, lines } = converted(
    t,
    'haproxy',
    {
      'haproxy.cfg': `defaults
 mode http
frontend www
 bind :80
 acl listed hdr(host) -i -f hosts.txt
 acl missing hdr(host) -f none.txt
 use_backend a if listed
 use_backend b if missing
 default_backend b
backend a
 server a "\${ADDRESS}:1"
backend b
 server b 127.0.0.1:2
`,
      'hosts.txt': '# those\none.example\n\nTWO.example\n'
    },
    { ADDRESS: '127.0.0.1' }
  )
  t.same(content.routes, [{ match: { host: ['one.example', 'two.example'] }, pool: 'a' }, { pool: 'b' }])
  t.same(content.pools.a!.backends, ['127.0.0.1:1'])
  t.same(lines, ['haproxy.cfg:8: left out: use_backend b if missing: no match of a route asks for "missing"'])
})

test('caddy: sites and snippets are imported from files, and variables come from the environment', async (t) => {
  const { content, lines } = converted(
    t,
    'caddy',
    {
      Caddyfile: `import sites/*
import none
http://main.example {
  import proxy.caddy {$BACKEND} {$NONE:"fallback"}
}
`,
      'proxy.caddy': 'header X-To {args.1}\nreverse_proxy {args.0}\n',
      'sites/one': 'http://one.example {\n  respond <<END\n    two\n    lines\n    END 200\n}\n'
    },
    { BACKEND: '127.0.0.1:1' }
  )
  t.same(content.routes, [
    {
      match: { host: 'one.example' },
      respond: { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'two\nlines' }
    },
    {
      match: { host: 'main.example' },
      pool: '127.0.0.1',
      'response-headers': { set: { 'X-To': 'fallback' } }
    }
  ])
  t.same(lines, ['Caddyfile:2: left out: import none: there is no such file'])
})

test('nginx: methods that are excepted, and those who may use the others', async (t) => {
  const { content } = converted(t, 'nginx', {
    'nginx.conf':
      'server { listen 80; location / { limit_except GET { allow 10.0.0.0/8; deny all; } proxy_pass http://127.0.0.1:1; proxy_set_header Host $host; } }'
  })
  t.same(content.routes, [
    { match: { method: ['GET', 'HEAD'] }, pool: '127.0.0.1' },
    { pool: '127.0.0.1', allow: ['10.0.0.0/8'] }
  ])
})

test('a path that servers read in several ways has a route that is lenient, so that it can match', async (t) => {
  const to = 'proxy_pass http://app; proxy_set_header Host $host;'
  const { content, lines } = converted(t, 'nginx', {
    'nginx.conf': [
      'http { upstream app { server 127.0.0.1:1; } server { listen 80;',
      ` location "/a;b" { ${to} proxy_set_header X-A 1; }`,
      ` location = "/c;d" { ${to} proxy_set_header X-C 1; }`,
      ` location / { ${to} }`,
      '} }'
    ].join('\n')
  })
  t.match(
    content.routes.filter((route) => 'paths' in route),
    [{ match: { path: '/c;d' }, paths: 'lenient' }]
  )
  t.match(lines, [/nginx\.conf:3: differs: \/c;d: servers read it in several ways/])
})
