import type { Case } from '../case.js'

/** What is said of backends, clients and messages: in the shape of examples in Caddy's documentation. */
export const settings: readonly Case[] = [
  {
    name: 'a site without braces',
    text: `http://example.com

reverse_proxy app.internal:3000
`,
    asked: { hosts: ['example.com'], targets: ['/', '/a/b?c=d', '/a%20b'] }
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
  }
]
