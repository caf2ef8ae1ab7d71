import type { Case } from './case.js'

const DEFAULTS = `
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 50s
    timeout server 50s
`

/** In the shape of examples in HAProxy's documentation and in guides to it. */
export const haproxy: readonly Case[] = [
  {
    name: 'one frontend and one backend',
    text: `
global
    log /dev/log local0
    maxconn 4096
    daemon
${DEFAULTS}
    retries 3
frontend www
    bind *:80
    default_backend app
backend app
    balance leastconn
    option httpchk GET /health
    http-check expect status 200
    default-server inter 3s fall 3 rise 2
    server app1 app.internal:8080 check
`,
    asked: { hosts: ['a.example'], targets: ['/', '/a?b', '/a%20b/'] }
  },
  {
    name: 'paths to several backends, by their beginnings and ends',
    text: `${DEFAULTS}
frontend www
    bind :80
    acl is_api path_beg /api /v1/
    acl is_static path_end .jpg .png .css
    acl is_docs path_dir docs
    acl is_exact path /ping
    acl is_user path_reg ^/users/[0-9]+$
    use_backend api if is_api
    use_backend static if is_static
    use_backend docs if is_docs
    use_backend ping if is_exact
    use_backend user if is_user
    default_backend web
backend api
    server a api.internal:80
backend static
    server s static.internal:80
backend docs
    server d docs.internal:80
backend ping
    http-request return status 200 content-type "text/plain" string "pong"
backend user
    server u user.internal:80
backend web
    server w web.internal:80
`,
    asked: {
      hosts: ['a.example'],
      targets: [
        '/',
        '/api',
        '/apix',
        '/api/x.png',
        '/v1',
        '/v1/x',
        '/a.png',
        '/a/docs/b',
        '/docs',
        '/docs/a.jpg',
        '/mydocs',
        '/ping',
        '/ping/x',
        '/users/12',
        '/users/12/x',
        '/x?y=/api'
      ]
    }
  },
  {
    name: 'hosts, alone and with paths, in their order',
    text: `${DEFAULTS}
frontend www
    bind *:80
    acl host_blog hdr(host) -i blog.example.com
    acl host_any hdr_end(host) -i .example.com
    acl host_shop hdr(host) -i shop.example.org www.shop.example.org
    acl path_cart path_beg -i /cart
    acl base_help base_beg help.example.org/en/
    use_backend cart if host_shop path_cart
    use_backend blog if host_blog
    use_backend shop if host_shop or { path_beg /shop/ }
    use_backend help if base_help
    use_backend any if host_any
    default_backend web
backend blog
    server b blog.internal:80
backend any
    server a any.internal:80
backend cart
    server c cart.internal:80
backend shop
    server s shop.internal:80
backend help
    server h help.internal:80
backend web
    server w web.internal:80
`,
    asked: {
      hosts: [
        'blog.example.com',
        'x.example.com',
        'example.com',
        'shop.example.org',
        'help.example.org',
        'none.example'
      ],
      targets: ['/', '/cart', '/CART/x', '/cartoon', '/shop/x', '/shop', '/en/x', '/en']
    }
  },
  {
    name: 'redirects, refusals and negations',
    text: `${DEFAULTS}
frontend www
    bind *:80
    acl internal src 10.0.0.0/8
    acl local src 127.0.0.0/8
    acl admin path_beg /admin
    acl old path_beg /old/
    acl main hdr(host) -i example.com
    http-request deny deny_status 404 if { path_end .php }
    http-request deny if admin !internal
    http-request deny if { path_beg /lan } !local
    http-request redirect code 301 location https://new.example%[capture.req.uri] if old
    redirect prefix http://example.com code 302 if { hdr(host) -i www.example.com }
    http-request redirect scheme https code 308 if { path /secure } !{ ssl_fc }
    http-request deny deny_status 405 unless METH_GET or METH_POST
    use_backend main if main
    use_backend readers if METH_GET !main
    default_backend writers
backend main
    server m main.internal:80
backend readers
    server r readers.internal:80
backend writers
    server w writers.internal:80
`,
    asked: {
      hosts: ['example.com', 'www.example.com', 'other.example'],
      methods: ['GET', 'POST', 'PUT'],
      targets: [
        '/',
        '/x.php',
        '/admin',
        '/administrator.php',
        '/lan/x',
        '/old/a?b=c',
        '/old',
        '/secure',
        '/secure/x'
      ]
    }
  },
  {
    name: 'fields, and paths that change on their way',
    text: `${DEFAULTS}
frontend www
    bind *:80
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Edge one
    http-request set-header X-Beta yes if { path_beg /beta/ }
    http-request del-header X-Secret
    http-response set-header X-Frame-Options DENY
    http-response del-header X-None
    use_backend api if { path_beg /api/ }
    use_backend beta if { path_beg /beta/ }
    use_backend host if { path_beg /host }
    default_backend web
backend api
    http-request replace-path /api/(.*) /\\1
    server a api.internal:80
backend beta
    http-request set-path "%[path,regsub(^/beta/,/b/)]"
    http-request add-header X-Two 2
    server b beta.internal:80
backend host
    http-request set-header Host inner.example
    server h web.internal:80
backend web
    server w web.internal:80
`,
    asked: {
      hosts: ['a.example'],
      targets: ['/', '/api/', '/api/x?y=z', '/api/a/b%20c', '/beta/', '/beta/x', '/host', '/hosts'],
      fields: [{}, { 'X-Secret': '1', 'X-Edge': 'zero', 'X-Two': '1' }]
    }
  },
  {
    name: 'fields, parameters, cookies and methods',
    text: `${DEFAULTS}
frontend www
    bind *:80
    acl beta req.hdr(X-Beta) -m found
    acl mobile hdr_sub(User-Agent) -i android iphone
    acl version hdr(X-Version) 2 3
    acl debug url_param(debug) 1
    acl tester cook(tester) -m str yes
    acl write method POST PUT
    use_backend beta if beta write
    use_backend mobile if mobile
    use_backend version if version !write
    use_backend debug if debug || tester
    default_backend web
backend beta
    server b beta.internal:80
backend mobile
    server m mobile.internal:80
backend version
    server v version.internal:80
backend debug
    server d debug.internal:80
backend web
    server w web.internal:80
`,
    asked: {
      hosts: ['a.example'],
      methods: ['GET', 'POST'],
      targets: ['/', '/x?debug=1', '/x?debug=2&a'],
      fields: [
        {},
        { 'X-Beta': '1' },
        { 'X-Version': '2', 'X-Beta': '' },
        { 'User-Agent': 'an iPhone', 'X-Version': '3' },
        { Cookie: 'a=1; tester=yes' },
        { Cookie: 'tester=yesno', 'X-Version': '4' }
      ]
    }
  },
  {
    name: 'options of servers, sessions, a table of rates and statistics',
    text: `${DEFAULTS}
    timeout http-request 10s
    timeout http-keep-alive 2s
    timeout queue 20s
    timeout check 3s
    option redispatch
frontend www
    bind 10.0.0.1:80
    maxconn 2000
    stick-table type ip size 100k expire 30s store http_req_rate(10s)
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 }
    compression algo gzip
    tcp-request connection reject if { src_conn_rate gt 10 }
    default_backend app
backend app
    balance roundrobin
    cookie SERVERID insert indirect nocache httponly secure maxlife 1h
    option httpchk
    http-check send meth HEAD uri /alive hdr Host app.example hdr X-Check 1
    http-check expect rstatus (2|3)[0-9][0-9]
    default-server check inter 2s slowstart 30s maxconn 50
    server one one.internal:80 weight 10 cookie one
    server two two.internal:80 ssl verify none sni str(two.example) cookie two
    server three three.internal:80 send-proxy-v2 observe layer7
    server spare spare.internal:80 backup no-check
    server off off.internal:80 disabled
    server odd odd.internal:80 agent-check agent-port 9000
listen stats
    bind *:8404
    stats enable
    stats uri /
`
  },
  {
    name: 'HTTPS and HTTP at one frontend, and a backend for other protocols',
    text: `${DEFAULTS}
frontend www
    bind *:80
    bind *:443 ssl crt /etc/ssl/site.pem alpn h2,http/1.1
    http-request redirect scheme https code 301 unless { ssl_fc }
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-request auth realm Private if { path_beg /private }
    acl broken nbsrv(app) lt 1
    use_backend sorry if broken
    use_backend %[req.hdr(host),lower] if { path_beg /dynamic }
    default_backend app
backend app
    balance uri
    server a app.internal:8080
backend sorry
    server s sorry.internal:80
listen mysql
    mode tcp
    bind *:3306
    server db db.internal:3306
userlist people
    user one password x
`
  },
  {
    name: 'a listen section, named defaults and nothing by default',
    text: `
defaults common
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
listen www from common
    bind *:80
    balance source
    http-request deny if { path -m beg /no }
    server a app.internal:80
defaults strict from common
    timeout server 1s
frontend other from common
    bind *:8081
    use_backend x if { path /x }
backend x from common
    server x other.internal:80
`,
    asked: { hosts: ['a.example'], targets: ['/', '/no', '/none/x', '/yes'] }
  }
]
