import type { Case } from '../case.js'
import { DEFAULTS } from './defaults.js'

/** Which requests go where: in the shape of examples in HAProxy's documentation and in guides to it. */
export const routing: readonly Case[] = [
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
  }
]
