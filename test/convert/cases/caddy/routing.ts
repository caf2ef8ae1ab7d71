import type { Case } from '../case.js'

/** Which requests go where: in the shape of examples in Caddy's documentation and in guides to it. */
export const routing: readonly Case[] = [
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
