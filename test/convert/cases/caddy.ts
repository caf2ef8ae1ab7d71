import type { Case } from './case.js'

/** In the shape of examples in Caddy's documentation and in guides to it. */
export const caddy: readonly Case[] = [
  {
    name: 'a site without braces',
    text: `http://example.com

reverse_proxy app.internal:3000
`,
    asked: { hosts: ['example.com'], targets: ['/', '/a/b?c=d', '/a%20b'] }
  },
  {
    name: 'several sites, one of which redirects to another',
    text: `{
	email me@example.com
}

http://www.example.com {
	redir http://example.com{uri} permanent
}

http://example.com, http://*.example.com {
	reverse_proxy app.internal:3000
}

http://other.example {
	respond "Hello" 200
}

http:// {
	respond 404
}
`,
    asked: {
      hosts: ['www.example.com', 'example.com', 'a.example.com', 'other.example', 'none.example'],
      targets: ['/', '/x?y=z']
    }
  },
  {
    name: 'paths to several services, with and without their prefix',
    text: `http://example.com {
	handle_path /api/* {
		reverse_proxy api.internal:8080
	}
	handle /admin/* {
		reverse_proxy admin.internal:8080
	}
	handle /admin/open* {
		respond "open" 200
	}
	handle {
		reverse_proxy web.internal:8080
	}
}
`,
    asked: {
      hosts: ['example.com'],
      targets: [
        '/',
        '/api/',
        '/api/x?y=z',
        '/apix',
        '/api/a%20b',
        '/admin',
        '/admin/x',
        '/admin/open',
        '/admin/openx',
        '/admin/open/x'
      ]
    }
  },
  {
    name: 'matchers of fields, parameters and methods',
    text: `http://example.com {
	@websockets {
		header Connection *Upgrade*
		header Upgrade websocket
	}
	@write {
		method POST PUT
		path /data/*
	}
	@version header X-Version 2*
	@debug query debug=1 debug=2
	@nokey {
		path /key/*
		not header X-Key secret
	}
	respond @nokey "no key" 401
	respond @debug "debug" 200
	reverse_proxy @websockets ws.internal:1
	reverse_proxy @write write.internal:1
	reverse_proxy @version version.internal:1
	reverse_proxy web.internal:1
}
`,
    asked: {
      hosts: ['example.com'],
      methods: ['GET', 'POST'],
      targets: ['/', '/data/x', '/data', '/x?debug=1', '/x?debug=3', '/key/x', '/key/x?debug=2'],
      fields: [{}, { 'X-Key': 'secret' }, { 'X-Version': '21' }, { 'X-Version': '3', 'X-Key': 'other' }]
    }
  },
  {
    name: 'matchers of paths and clients, sorted as Caddy does',
    text: `http://example.com {
	@image path *.png *.jpg
	@user path_regexp ^/users/([0-9]+)$
	@closed {
		not remote_ip 127.0.0.0/8
		path /closed*
	}
	@near remote_ip 127.0.0.0/8
	respond @closed 403
	respond /near/* "near" 200
	reverse_proxy web.internal:1
	reverse_proxy @user user.internal:1
	reverse_proxy /local/* local.internal:1
	reverse_proxy @image image.internal:1
	reverse_proxy /local/longer/* longer.internal:1
	handle /near/only {
		respond @near "yes" 200
		respond "no" 403
	}
}
`,
    asked: {
      hosts: ['example.com'],
      targets: [
        '/',
        '/a/b.png',
        '/users/12',
        '/users/12/',
        '/closed/x',
        '/closed.jpg',
        '/local/a.jpg',
        '/local/x',
        '/local/longer/x',
        '/local/longer/x.png',
        '/near/only',
        '/near/x'
      ]
    }
  },
  {
    name: 'redirects, rewrites and fixed answers',
    text: `http://example.com {
	redir /old /new 301
	redir /docs/* https://docs.example.com{uri} permanent
	redir /temp https://elsewhere.example/place
	respond /health "ok" 200
	respond /gone 410
	error /broken "broken" 500
	abort /nothing
	handle /strip/* {
		uri strip_prefix /strip
		reverse_proxy app.internal:1
	}
	handle /add/* {
		rewrite * /more{uri}
		reverse_proxy app.internal:1
	}
	handle /one {
		rewrite * /two
		reverse_proxy app.internal:1
	}
	handle {
		reverse_proxy app.internal:1
	}
}
`,
    asked: {
      hosts: ['example.com'],
      targets: [
        '/',
        '/old',
        '/old/x',
        '/docs/a?b=c',
        '/docs',
        '/temp',
        '/health',
        '/health/x',
        '/gone',
        '/broken',
        '/strip/',
        '/strip/a?b',
        '/strip',
        '/add/x?y',
        '/one?q',
        '/one/x',
        '/two'
      ]
    }
  },
  {
    name: 'fields, snippets and arguments',
    text: `(headers) {
	header {
		X-Frame-Options {args.0}
		X-Site {$SITE:none}
		-X-Backend-Note
	}
}
http://example.com {
	import headers DENY
	header /static/* X-Static yes
	request_header X-Edge one
	request_header -X-Secret
	request_body {
		max_size 10MB
	}
	reverse_proxy app.internal:1 {
		header_up X-Real-IP {remote_host}
		header_up X-Up 2
		header_up -X-Down
		header_down X-Down 3
		header_up Host {upstream_hostport}
	}
}
http://plain.example {
	import headers SAMEORIGIN
	reverse_proxy app.internal:1 {
		header_up Host fixed.example
	}
}
`,
    asked: {
      hosts: ['example.com', 'plain.example'],
      targets: ['/', '/static/x'],
      fields: [{}, { 'X-Secret': '1', 'X-Edge': 'zero', 'X-Down': '1', 'X-Other': '4' }]
    }
  },
  {
    name: 'options of a reverse proxy',
    text: `{
	servers {
		trusted_proxies static private_ranges
		timeouts {
			read_header 10s
			idle 2m
		}
	}
}
http://example.com {
	encode zstd gzip
	log
	reverse_proxy one.internal:80 two.internal:80 {
		lb_policy least_conn
		lb_retries 3
		lb_try_duration 5s
		health_uri /healthz
		health_interval 10s
		health_timeout 2s
		health_status 2xx
		fail_duration 30s
		unhealthy_request_count 50
		flush_interval -1
	}
	reverse_proxy /secure/* https://three.internal {
		transport http {
			tls_insecure_skip_verify
			dial_timeout 2s
			response_header_timeout 30s
			read_timeout 1m
		}
	}
	reverse_proxy /grpc/* h2c://four.internal:50051
	reverse_proxy /range/* five.internal:8080-8082 unix//run/six.sock {
		lb_policy cookie session
	}
	reverse_proxy /dynamic/* {
		dynamic srv _http._tcp.internal
	}
	reverse_proxy /first/* one.internal:80 two.internal:80 {
		lb_policy first
	}
}
`
  },
  {
    name: 'files, passwords and what else is no business of a balancer',
    text: `{
	debug
	order rate_limit before basicauth
}
http://example.com {
	root * /srv
	file_server /files/*
	basicauth /private/* {
		bob JDJhJDE0JEVCNmdaNEg2Ti5iejRMYkF3MFZhZ3VtV3E1SzBWZEZ5Q3VWc0tzOEJwZE9TaFlZdEVkZDhX
	}
	forward_auth /auth/* auth.internal:1 {
		uri /check
	}
	php_fastcgi /php/* unix//run/php.sock
	@odd expression {path}.startsWith('/odd')
	respond @odd 404
	templates
	rate_limit {remote.ip} 10r/s
	handle_errors {
		respond "sorry"
	}
	reverse_proxy app.internal:1
}
`
  },
  {
    name: 'HTTPS by itself, with files, and at other ports',
    text: `example.com {
	tls /etc/ssl/example.pem /etc/ssl/example.key {
		protocols tls1.3
	}
	reverse_proxy app.internal:1
}
automatic.example {
	reverse_proxy app.internal:1
}
:8080 {
	respond "other"
}
`
  },
  {
    name: 'hosts below a wildcard, and a route in its own order',
    text: `http://*.example.com {
	respond /ping "pong"
	@a host a.example.com
	handle @a {
		reverse_proxy a.internal:1
	}
	@b host b.example.com
	handle @b {
		route /first* {
			respond /first/special "special"
			respond "first"
		}
		reverse_proxy b.internal:1
	}
	handle {
		respond "unknown" 404
	}
}
`,
    asked: {
      hosts: ['a.example.com', 'b.example.com', 'c.example.com'],
      targets: ['/', '/ping', '/first', '/first/special', '/firstly', '/x']
    }
  },
  {
    name: 'blocks in blocks, and paths that change before others are matched',
    text: `http://a.example {
	@api path /api /api/*
	handle @api {
		uri strip_prefix /api
		reverse_proxy api.internal:1
	}
	handle_path /deep/* {
		handle /one/* {
			reverse_proxy one.internal:1
		}
		handle_path /two/* {
			reverse_proxy two.internal:1
		}
		reverse_proxy deep.internal:1
	}
	redir /a/* /b{uri} 308
	route /ro/* {
		header X-Ro 1
		uri strip_prefix /ro
		reverse_proxy api.internal:1
	}
	header /api/* X-Api yes
	handle /only/get {
		@get method GET
		respond @get "got"
	}
	respond /x/*/y 418
	reverse_proxy web.internal:1
}
http://*.b.example, http://b.example {
	@admin {
		path /admin*
		not header X-Admin yes
	}
	error @admin 403
	rewrite /from /to
	reverse_proxy web.internal:1
}
`,
    asked: {
      hosts: ['a.example', 'b.example', 'q.b.example'],
      targets: [
        '/',
        '/api',
        '/api/x?y',
        '/apix',
        '/deep/',
        '/deep/one/x',
        '/deep/two/x?y',
        '/deep',
        '/a/x?y',
        '/a',
        '/ro/x',
        '/ro',
        '/only/get',
        '/x/1/y',
        '/x/1/2/y',
        '/admin',
        '/administer',
        '/from',
        '/from/x'
      ],
      fields: [{}, { 'X-Admin': 'yes' }]
    }
  }
]
