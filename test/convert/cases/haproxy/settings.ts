import type { Case } from '../case.js'
import { DEFAULTS } from './defaults.js'

/** What is said of backends, clients and messages: in the shape of examples in HAProxy's documentation. */
export const settings: readonly Case[] = [
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
