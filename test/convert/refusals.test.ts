import { ConvertError, convert, detect, type Format, lineOf } from '../../convert/index.js'
import { test } from '../helper.js'

const converted = (format: Format, text: string, port?: number) =>
  convert(format, { text, file: 'given', port, env: {} })

/** The lines that are left out, by their numbers. */
const leftOut = (format: Format, text: string) =>
  converted(format, text)
    .findings.filter(({ kind }) => kind === 'left out')
    .map(({ at, what }) => `${at.line} ${what}`)

test('every line that is not understood is named, wherever it stands', async (t) => {
  t.same(
    leftOut(
      'nginx',
      `nonsense_main on;
http {
  nonsense_http 1 2;
  upstream app { nonsense_upstream; server 127.0.0.1:1 nonsense=1; }
  server {
    listen 80;
    nonsense_server { inner; }
    location / {
      nonsense_location;
      proxy_pass http://app;
      if ($nonsense = 1) { return 403; }
      limit_except GET { nonsense_limit; deny all; }
    }
  }
}`
    ),
    [
      '1 nonsense_main on',
      '3 nonsense_http 1 2',
      '4 nonsense_upstream',
      '4 nonsense=1',
      '7 nonsense_server { … }',
      '9 nonsense_location',
      '11 if ($nonsense = 1) { … }',
      '12 nonsense_limit'
    ]
  )
  t.same(
    leftOut(
      'haproxy',
      `global
  nonsense-global
defaults
  mode http
  nonsense-defaults
  option nonsense
frontend www
  bind :80
  nonsense-frontend
  http-request nonsense if { path / }
  http-request deny if { nonsense }
  use_backend nowhere if { path /x }
  default_backend app
backend app
  nonsense-backend
  http-response nonsense
  balance nonsense
  server a 127.0.0.1:1 nonsense
nonsense-section x
cache c
`
    ),
    [
      '2 nonsense-global',
      '5 nonsense-defaults',
      '6 option nonsense',
      '9 nonsense-frontend',
      '10 http-request nonsense if { path / }',
      '11 http-request deny if { nonsense }',
      '12 use_backend nowhere if { path /x }',
      '15 nonsense-backend',
      '16 http-response nonsense',
      '17 balance nonsense',
      '18 nonsense',
      '19 nonsense-section x',
      '20 cache c'
    ]
  )
  t.same(
    leftOut(
      'caddy',
      `{
  nonsense_option
  servers {
    nonsense_servers
  }
}
http://a.example {
  nonsense_site
  @odd nonsense 1
  respond @odd 404
  respond @none 404
  handle /x {
    nonsense_handle
  }
  reverse_proxy 127.0.0.1:1 {
    nonsense_proxy
    transport http {
      nonsense_transport
    }
  }
}
`
    ),
    [
      '2 nonsense_option',
      '4 nonsense_servers',
      '8 nonsense_site',
      '10 respond @odd 404',
      '11 respond @none 404',
      '13 nonsense_handle',
      '16 nonsense_proxy',
      '18 nonsense_transport'
    ]
  )
})

test('what keeps clients out is not left open where it cannot be said', async (t) => {
  const closed = (format: Format, text: string) => {
    const { yaml, findings } = converted(format, text)
    t.match(yaml, /respond: \{status: 403\}/, text)
    t.ok(findings.some(({ kind }) => kind === 'left out'))
  }
  const inServer = (lines: string) =>
    `server { listen 80; location / { ${lines} proxy_pass http://127.0.0.1:1; } }`
  closed('nginx', inServer('auth_basic who;'))
  closed('nginx', inServer('auth_request /auth;'))
  closed('nginx', inServer('allow 10.0.0.0/8; deny 10.1.0.0/16; deny all;'))
  closed('nginx', `auth_basic outside; ${inServer('')}`)
  closed('caddy', 'http://a.example {\nforward_auth 127.0.0.1:1 {\nuri /x\n}\nreverse_proxy 127.0.0.1:1\n}')
  const haproxy =
    'defaults\nmode http\nfrontend f\nbind :80\nhttp-request auth unless { path /x }\ndefault_backend b\n'
  closed('haproxy', `${haproxy}backend b\nserver a 127.0.0.1:1\n`)
})

test('a file whose blocks or quotes do not fit together is an error that names the line', async (t) => {
  const broken: readonly (readonly [format: Format, text: string, message: string | RegExp])[] = [
    ['nginx', 'http {\n  server {\n  }\n', 'given:1: "http { … }" has no "}" that closes it'],
    ['nginx', 'server {\n}\n}\n', 'given:3: "}" closes nothing'],
    ['nginx', 'server {\n  listen 80\n}\n', 'given:3: ";" is missing after "listen 80"'],
    ['nginx', 'server {\n  listen 80;\n  add_header X "a;\n}', 'given:3: the quote " is not closed'],
    ['nginx', 'http {\n  ;\n}', 'given:2: a directive is missing before ";"'],
    ['nginx', 'worker_processes 1;', 'there is no server in it'],
    ['haproxy', 'mode http\ndefaults\n', 'given:1: "mode" stands before the first section'],
    ['haproxy', 'defaults\n  mode http\nfrontend\n', 'given:3: "frontend" has no name'],
    ['haproxy', 'global\n  log "x\n', 'given:2: the quote " is not closed'],
    ['haproxy', 'listen a from none\n', 'given:1: there are no defaults named "none"'],
    ['haproxy', 'global\n', 'there is no frontend of HTTP with a port in it'],
    ['caddy', 'http://a {\n  handle {\n  }\n', 'given:1: "http://a {" has no "}" that closes it'],
    ['caddy', 'http://a {\n}\n}\n', 'given:3: "}" closes nothing'],
    ['caddy', 'http://a {\n  respond "x\n}\n', 'given:2: the quote " is not closed'],
    ['caddy', 'http://a {\n}\nhttp://b\nrespond 1\n', 'given:3: "http://b" has no block'],
    ['caddy', '(s) {\n  import s\n}\nhttp://a {\n  import s\n}\n', 'given:2: it imports itself without end'],
    ['caddy', '{\n  debug\n}\n', 'there is no site in it']
  ]
  for (const [format, text, message] of broken)
    t.throws(() => converted(format, text), { name: 'ConvertError', message }, text)
  t.throws(
    () => converted('nginx', 'server { listen 80; }', 81),
    new ConvertError('no server listens on port 81')
  )
})

test('one port is converted, and another one on demand', async (t) => {
  const text = 'server { listen 80; return 201; }\nserver { listen 81; return 202; }\n'
  t.match(converted('nginx', text).yaml, /port: 80\n[\s\S]*status: 201/)
  const other = converted('nginx', text, 81)
  t.match(other.yaml, /port: 81\n[\s\S]*status: 202/)
  t.same(other.findings.map(lineOf), [
    'given:1: left out: listen 80: a balancer has one port: convert again with --port 80 for another one'
  ])
})

test('formats are told by name and by content', async (t) => {
  t.equal(detect('/etc/nginx/nginx.conf', ''), 'nginx')
  t.equal(detect('haproxy.cfg', ''), 'haproxy')
  t.equal(detect('sites/Caddyfile.prod', ''), 'caddy')
  t.equal(detect('site.conf', 'server {\n  listen 80;\n}\n'), 'nginx')
  t.equal(detect('lb.txt', 'global\n  daemon\nfrontend www\n  bind :80\n'), 'haproxy')
  t.equal(detect('site', 'example.com {\n  reverse_proxy app:1\n}\n'), 'caddy')
  t.equal(detect('notes.txt', 'nothing of that'), undefined)
})
