/** Where a file with one route has it: `3:5` is the place of the route. */
export const fileWith = (route: string) =>
  `pools: { web: { backends: [a:80] }, next: { backends: [b:80] } }\nroutes:\n  - ${route}\n`

/** A route that is wrong, what is said of it, and whether its values alone are wrong: then the schema may accept it. */
export type WrongRoute = readonly [route: string, fault: string, isOfValues?: 'value']

/** Routes with one fault each. */
export const WRONG_ROUTES: readonly WrongRoute[] = [
  ['5', 'routes[0] must be a map, but is "5" (3:5)'],
  ['[]', 'routes[0] must be a map, but is a list (3:5)'],
  ['', 'routes[0] must be a map, but is empty (3:3)'],
  ['{}', 'routes[0] must have one of pool, split, redirect, respond (3:5)'],
  ['{ pol: web }', 'routes[0].pol is not a known key; did you mean pool? (3:7)'],
  [
    '{ pool: web, respond: {} }',
    'routes[0] must have one of pool, split, redirect, respond, but has pool and respond (3:18)'
  ],
  [
    '{ pool: wbe }',
    'routes[0].pool names the pool "wbe", but there are web, next; did you mean web? (3:7)',
    'value'
  ],
  [
    '{ pool: }',
    'routes[0].pool must be a name of letters, digits, ".", "_" and "-", at most 64, but is empty (3:11)'
  ],
  ['{ pool: true }', 'at most 64, but is true; in quotes it would be a text (3:13)'],
  ['{ pool: [web] }', 'at most 64, but is a list (3:13)'],
  ['{ pool: web, name: "a b" }', 'routes[0].name must be a name of letters, digits'],
  ['{ pool: web, name: /a }', 'routes[0].name must be a name of letters, digits'],

  ['{ pool: web, match: {} }', 'routes[0].match is empty: leave it out for all requests (3:25)'],
  ['{ pool: web, match: /a }', 'routes[0].match must be a map, but is "/a" (3:25)'],
  [
    '{ pool: web, match: { paths: /a } }',
    'routes[0].match.paths is not a known key; did you mean path? (3:27)'
  ],
  ['{ pool: web, match: { host: [] } }', 'routes[0].match.host must be a list, but is empty (3:33)'],
  [
    '{ pool: web, match: { host: "*" } }',
    'routes[0].match.host must be a host: leave it out for all hosts',
    'value'
  ],
  ['{ pool: web, match: { host: a.test:80 } }', 'host must be without a port, but is "a.test:80"', 'value'],
  ['{ pool: web, match: { host: "*.*.test" } }', 'host must be a host such as app.example', 'value'],
  ['{ pool: web, match: { host: "*a.test" } }', 'host must be a host such as app.example', 'value'],
  ['{ pool: web, match: { host: a/b } }', 'host must be a host such as app.example', 'value'],
  [
    '{ pool: web, match: { host: "" } }',
    'host must be a host such as app.example or *.app.example, but is ""',
    'value'
  ],
  [
    '{ pool: web, match: { host: müller.test } }',
    'host must be in ASCII, as clients send it: xn--mller-kva.test',
    'value'
  ],
  ['{ pool: web, match: { tls-name: a:1 } }', 'routes[0].match.tls-name must be without a port', 'value'],
  [
    '{ pool: web, match: { headers: { __proto__: true } } }',
    'routes[0].match.headers.__proto__ is a field that no request has here (3:38)',
    'value'
  ],
  [
    '{ pool: web, match: { path-regexp: "^/[a-zé]+$" } }',
    'routes[0].match.path-regexp must have "é" as it stands in a path: %C3%A9',
    'value'
  ],
  ['{ pool: web, match: { path: a } }', 'routes[0].match.path must start with "/", but is "a" (3:33)'],
  [
    '{ pool: web, match: { path: /a?b } }',
    'routes[0].match.path must be a path without "?" and "#", but is "/a?b"'
  ],
  [
    '{ pool: web, match: { path: /a%2 } }',
    'must have two hexadecimal digits after each "%", but has "/a%2"',
    'value'
  ],
  [
    '{ pool: web, match: { path: [/a, /a%2Fb] } }',
    'routes[0].match.path has /a%2Fb, which no request can match: servers read it in several ways, so that it is ambiguous; write paths: lenient or paths: raw for this route (3:27)',
    'value'
  ],
  [
    '{ pool: web, match: { host: a, path-prefix: /a;b } }',
    'routes[0].match.path-prefix has /a;b, which',
    'value'
  ],
  [
    '{ pool: web, match: { path: [/a, /b/../c] } }',
    'routes[0].match.path[1] must have no segments "." and ".."',
    'value'
  ],
  [
    '{ pool: web, match: { path: /b/%2e/c } }',
    'routes[0].match.path must have no segments "." and ".."',
    'value'
  ],
  [
    '{ pool: web, match: { path-prefix: v2 } }',
    'routes[0].match.path-prefix must start with "/", but is "v2" (3:40)'
  ],
  [
    '{ pool: web, match: { path-regexp: "(a" } }',
    'path-regexp cannot be "(a": not a regular expression of RE2: missing closing )',
    'value'
  ],
  [
    '{ pool: web, match: { path-regexp: "(?=a)" } }',
    'path-regexp cannot be "(?=a)": not a regular expression of RE2',
    'value'
  ],
  [
    '{ pool: web, match: { path-regexp: "" } }',
    'path-regexp must be a regular expression, but is empty',
    'value'
  ],
  [
    '{ pool: web, match: { method: get } }',
    'method must be a method in capitals, such as GET, but is "get"',
    'value'
  ],
  ['{ pool: web, match: { method: CONNECT } }', 'method must be another method than CONNECT', 'value'],
  ['{ pool: web, match: { headers: {} } }', 'routes[0].match.headers must be a map, but is empty'],
  ['{ pool: web, match: { headers: { "a b": x } } }', 'headers.a b must be the name of a field', 'value'],
  ['{ pool: web, match: { headers: { Host: x } } }', 'headers.Host must be said by match.host', 'value'],
  [
    '{ pool: web, match: { headers: { a: false } } }',
    'headers.a must be a text, true for any, or a map with regexp, but is false'
  ],
  [
    '{ pool: web, match: { headers: { a: } } }',
    'headers.a must be a text, true for any, or a map with regexp, but is empty'
  ],
  [
    '{ pool: web, match: { headers: { a: "b\\r\\nc" } } }',
    'headers.a must be a text without line breaks',
    'value'
  ],
  [
    '{ pool: web, match: { headers: { a: b, A: c } } }',
    'headers.A is given twice: case does not count',
    'value'
  ],
  [
    '{ pool: web, match: { headers: { a: { regex: b } } } }',
    'headers.a.regex is not a known key; did you mean regexp?'
  ],
  ['{ pool: web, match: { query: { a: { regexp: "[" } } } }', 'query.a.regexp cannot be "[": not a', 'value'],
  ['{ pool: web, match: { query: { "": x } } }', 'routes[0].match.query. must have a name', 'value'],
  [
    '{ pool: web, match: { client: here } }',
    'client must list addresses or CIDR ranges such as 10.0.0.0/8, but has "here"',
    'value'
  ],
  [
    '{ pool: web, match: { client: [] } }',
    'client must be a text, a number, true or false, or a list of those, but is an empty list'
  ],
  ['{ pool: web, match: { port: 0 } }', 'port must be a whole number from 1 to 65535, but is "0"'],
  ['{ pool: web, match: { port: http } }', 'port must be a whole number from 1 to 65535, but is "http"'],

  ['{ split: [] }', 'routes[0].split must be a list, but is empty'],
  ['{ split: [web] }', 'routes[0].split[0] must be a map, but is "web"'],
  ['{ split: [{ weight: 1 }] }', 'routes[0].split[0] must have pool'],
  [
    '{ split: [{ pool: web, weight: 0 }, { pool: next, weight: 0 }] }',
    'routes[0].split must have a weight above 0'
  ],
  [
    '{ split: [{ pool: web, weight: -1 }, { pool: next }] }',
    'weight must be a whole number from 0 to 1000000, but is "-1"'
  ],
  [
    '{ split: [{ pool: web }, { pool: web }] }',
    'routes[0].split must name each pool once, but names web twice',
    'value'
  ],
  [
    '{ split: [{ pool: web }, { pool: x }] }',
    'routes[0].split names the pool "x", but there are web, next',
    'value'
  ],
  ['{ split: [{ pool: web }], split-by: ip }', 'split-by must be one of request, client, but is "ip"'],
  ['{ pool: web, split-by: client }', 'routes[0].split-by needs split (3:18)'],

  [
    '{ redirect: {} }',
    'routes[0].redirect must have scheme, host, port, path or path-prefix: it would lead to itself'
  ],
  ['{ redirect: { status: 301 } }', 'routes[0].redirect must have scheme, host, port, path or path-prefix'],
  ['{ redirect: { path: /a, status: 200 } }', 'status must be one of 301, 302, 303, 307, 308, but is "200"'],
  [
    '{ redirect: { path: /a, status: "301" } }',
    'status must be one of 301, 302, 303, 307, 308, but is "301"'
  ],
  ['{ redirect: { scheme: ftp } }', 'scheme must be one of http, https, but is "ftp"'],
  ['{ redirect: { host: a:80 } }', 'routes[0].redirect.host must be without a port', 'value'],
  ['{ redirect: { host: "*.a" } }', 'routes[0].redirect.host must be', 'value'],
  ['{ redirect: { port: 65536 } }', 'port must be a whole number from 1 to 65535, but is "65536"'],
  ['{ redirect: { path: /a#b } }', 'routes[0].redirect.path must be a path without "?" and "#"'],
  [
    '{ redirect: { path: /a, path-prefix: /b }, match: { path-prefix: /c } }',
    'redirect must have either path or path-prefix'
  ],
  ['{ redirect: { path-prefix: /a } }', 'redirect.path-prefix needs match.path-prefix, and no other path'],
  ['{ redirect: { path-prefix: /a }, match: { path: /b } }', 'redirect.path-prefix needs match.path-prefix'],
  [
    '{ redirect: { path: /a }, rewrite: { path: /b } }',
    'routes[0].rewrite has no effect beside redirect: no backend is asked (3:31)'
  ],
  ['{ redirect: { path: /a }, retries: 1 }', 'routes[0].retries has no effect beside redirect'],
  ['{ redirect: { path: /a }, timeout: 1 }', 'routes[0].timeout has no effect beside redirect'],

  ['{ respond: { status: 100 } }', 'respond.status must be a whole number from 200 to 599, but is "100"'],
  [
    '{ respond: { status: 204, body: x } }',
    'respond must have no body: an answer with status 204 has none',
    'value'
  ],
  ['{ respond: { body: true } }', 'respond.body must be a text, but is true; in quotes it would be a text'],
  [
    '{ respond: { headers: { Content-Length: 1 } } }',
    'headers.Content-Length is a field that the balancer alone can set',
    'value'
  ],
  [
    '{ respond: { headers: { A: "b\\nc" } } }',
    'headers.A must be a text without line breaks and other control characters',
    'value'
  ],
  [
    '{ respond: { headers: { A: "b\\0c" } } }',
    'headers.A must be a text without line breaks and other control characters',
    'value'
  ],
  ['{ respond: {}, mirror: { pool: next } }', 'routes[0].mirror has no effect beside respond'],
  [
    '{ respond: {}, request-headers: { remove: a } }',
    'routes[0].request-headers has no effect beside respond'
  ],

  ['{ pool: web, rewrite: {} }', 'routes[0].rewrite must have host, path or path-prefix'],
  [
    '{ pool: web, rewrite: { host: a b } }',
    'rewrite.host must be a host such as app.example or app.example:8080, but is "a b"',
    'value'
  ],
  [
    '{ pool: web, rewrite: { path-prefix: / } }',
    'routes[0].rewrite.path-prefix needs match.path-prefix, and no other path'
  ],
  [
    '{ pool: web, rewrite: { path-prefix: / }, match: { path-prefix: /a, path: /b } }',
    'rewrite.path-prefix needs match.path-prefix, and no other path'
  ],
  ['{ pool: web, request-headers: {} }', 'routes[0].request-headers must have set, add or remove'],
  ['{ pool: web, request-headers: { set: [a] } }', 'request-headers.set must be a map, but is a list'],
  [
    '{ pool: web, request-headers: { set: { Connection: a } } }',
    'set.Connection is a field that the balancer alone can set',
    'value'
  ],
  [
    '{ pool: web, request-headers: { add: { Transfer-Encoding: a } } }',
    'add.Transfer-Encoding is a field that',
    'value'
  ],
  [
    '{ pool: web, request-headers: { set: { Host: a } } }',
    'set.Host is a field that the balancer alone can set',
    'value'
  ],
  [
    '{ pool: web, request-headers: { remove: [Te] } }',
    'remove[0] has "Te", which is a field that the balancer alone can set',
    'value'
  ],
  [
    '{ pool: web, request-headers: { remove: "a b" } }',
    'remove has "a b", which must be the name of a field',
    'value'
  ],
  [
    '{ pool: web, request-headers: { remove: a, set: { A: b } } }',
    'request-headers must not remove A: set replaces it',
    'value'
  ],
  [
    '{ pool: web, response-headers: { set: { Date: a } } }',
    'set.Date is a field that the balancer alone can set',
    'value'
  ],
  ['{ pool: web, mirror: web }', 'routes[0].mirror must be a map, but is "web"'],
  ['{ pool: web, mirror: { percent: 5 } }', 'routes[0].mirror must have pool'],
  [
    '{ pool: web, mirror: { pool: x } }',
    'routes[0].mirror names the pool "x", but there are web, next',
    'value'
  ],
  [
    '{ pool: web, mirror: { pool: next, percent: 101 } }',
    'percent must be a number from 0 to 100, but is "101"'
  ],
  [
    '{ pool: web, timeout: -1 }',
    'routes[0].timeout must be a number of seconds from 0 to 86400, but is "-1"'
  ],
  [
    '{ pool: web, timeout: 5s }',
    'routes[0].timeout must be a number of seconds from 0 to 86400, but is "5s"'
  ],
  [
    '{ pool: web, timeout: { s: 5 } }',
    'routes[0].timeout must be a text, a number, true or false, but is a map'
  ],
  ['{ pool: web, retries: 11 }', 'routes[0].retries must be a whole number from 0 to 10, but is "11"'],
  ['{ pool: web, max-body-size: 1k }', 'routes[0].max-body-size must be a whole number from 0 to'],
  ['{ pool: web, rate-limit: 5 }', 'routes[0].rate-limit must be a rate such as 100/s', 'value'],
  ['{ pool: web, allow: a }', 'routes[0].allow must list addresses or CIDR ranges', 'value'],
  ['{ pool: web, deny: [10.0.0.0/40] }', 'routes[0].deny must list addresses or CIDR ranges', 'value'],
  ['{ pool: web, paths: lax }', 'routes[0].paths must be one of strict, lenient, raw, but is "lax"'],
  ['{ pool: web, errors: {} }', 'routes[0].errors must be a list, but is a map'],
  ['{ pool: web, errors: [{ html: a }] }', 'routes[0].errors[0] must have status'],
  ['{ pool: web, errors: [{ status: 500 }] }', 'errors[0] must have one of html, json, html-file, json-file'],
  ['{ pool: web, errors: [{ status: 200, html: a }] }', 'errors[0].status must be from 400 to 599', 'value'],
  [
    '{ pool: web, errors: [{ status: 500, html: a, html-file: package.json }] }',
    'errors[0] must have either html or html-file'
  ],
  [
    '{ pool: web, errors: [{ status: 500, json: "{" }] }',
    'errors[0] must have JSON in json, and its text is none',
    'value'
  ],
  ['{ pool: web, errors: [{ status: 500, html-file: /nowhere }] }', '"/nowhere" is not: ENOENT', 'value'],
  [
    '{ pool: web, errors: [{ status: 500, html: a, of-backends: 1 }] }',
    'of-backends must be true or false, but is "1"'
  ]
]

/** Files that are wrong as a whole, with all that is said of them. */
export const WRONG_FILES: readonly (readonly [
  text: string,
  faults: readonly string[],
  isOfValues?: 'value'
])[] = [
  ['pools: {}', ['pools must be a map of pools by their names, but is empty (1:8)']],
  ['pools: [a]', ['pools must be a map of pools by their names, but is a list (1:8)']],
  ['routes: []', ['routes must be a list, but is empty (1:9)']],
  ['routes: { pool: default }', ['routes must be a list, but is a map (1:9)']],
  ['pools: { a: }', ['pools.a must be a map of settings, such as backends, but is empty (1:11)']],
  ['pools: { a: { retries: 1 } }', ['pools.a must have backends (1:10)']],
  [
    'pools: { a: { backends: [] } }',
    ['pools.a.backends must name at least one backend, such as 127.0.0.1:8080 (1:25)'],
    'value'
  ],
  [
    'pools: { a: { backends: [b] } }',
    ['pools.a.backends "b": is not a backend address; write host:port (1:25)'],
    'value'
  ],
  [
    'pools: { a: { backends: [b:80], retries: x } }',
    ['pools.a.retries must be a whole number from 0 to 10, but is "x" (1:42)']
  ],
  [
    'pools: { a: { backends: [b:80], retrys: 1 } }',
    ['pools.a.retrys is not a known setting; did you mean retry? (1:33)']
  ],
  [
    'pools: { a: { backends: [b:80], port: 1 } }',
    ['pools.a.port is not for a pool to have: write it at the top of the file (1:39)']
  ],
  [
    'pools: { a: { backends: [b:80], tls: { cert: x } } }',
    ['pools.a.tls.cert is not for a pool to have: write it at the top of the file (1:46)']
  ],
  [
    'pools: { a: { backends: [b:80], deny: 10.0.0.1 } }',
    ['pools.a.deny is not for a pool to have: write it at the top of the file, or deny of a route (1:39)']
  ],
  [
    'pools: { "a b": { backends: [b:80] } }',
    ['pools.a b must be a name of letters, digits, ".", "_" and "-", at most 64 (1:10)']
  ],
  ['pools: { a: { backends: [b:80] }, a: { backends: [c:80] } }', ['a is given twice (1:35)'], 'value'],
  [
    'pools: { a: { backends: [b:80] }, c: { backends: [d:80] } }',
    ['pools has a, c: routes must say which requests go to which (1:8)']
  ],
  [
    'pools: { a: { backends: [b], health-check: { url: "grpc:" } } }',
    ['pools.a.backends "b": is not a backend address; write host:port (1:25)'],
    'value'
  ],
  [
    'backends: [a:80]\npools: { b: { backends: [b:80] } }',
    ['pools has b, beside default by LB_BACKENDS: routes must say which requests go to which (2:8)'],
    'value'
  ],
  [
    'backends: [a:80]\npools: { default: { backends: [b:80] } }\nroutes: [{ pool: default }]',
    ['pools.default is the name of the pool that backends (LB_BACKENDS) make: it needs another (2:8)'],
    'value'
  ],
  [
    'pools: { a: { backends: [b:80] } }\nroutes: [{ pool: default }]',
    ['routes[0].pool names the pool "default", but there are a (2:12)'],
    'value'
  ],
  [
    'routes: [{ pool: default, name: a }, { match: { path: /a }, pool: default, name: a }]',
    ['routes[1].name must be its own, but routes[0] is named a too (1:76)'],
    'value'
  ],
  [
    'routes: [{ pool: default, name: route-2 }, { match: { path: /a }, pool: default }]',
    ['routes[1].name must be its own, but routes[0] is named route-2 too (1:44)'],
    'value'
  ],
  [
    'routes:\n- { match: { host: [a.test, B.test], method: GET }, pool: default }\n' +
      '- { match: { method: [GET], host: [b.test., a.test] }, respond: {} }',
    ['routes[1] can never be reached: routes[0] matches the same requests (3:5)'],
    'value'
  ],
  [
    'pools: { a: { backends: [b:80], sticky: { cookie: s } }, c: { backends: [d:80], sticky: { cookie: s } } }\n' +
      'routes: [{ match: { host: x.test }, pool: a }, { match: { host: "*.test" }, pool: c }]',
    [
      'pools.c and a have the same cookie s for the same hosts: each would end the sessions of the other (1:58)'
    ],
    'value'
  ],
  ['retries: [1]', ['retries must be one value, but is a list (1:10)']],
  ['health-check: 5', ['health-check must be true or false or a map of settings (1:15)']],
  ['tls: x', ['tls must be a map of settings (1:6)']],
  ['health-check: { urll: / }', ['health-check.urll is not a known setting; did you mean url? (1:17)']],
  [
    'health-check: { url: / }\nhealth-check-url: /',
    ['health-check-url is given as health-check.url as well (2:19)'],
    'value'
  ],
  ['ejection: 1', ['ejection must be true or false (1:11)']],
  ['port: 80\nport: 81', ['port is given twice (2:1)'], 'value'],
  ['pool: {}', ['pool is not a known setting; did you mean pools? (1:1)']],
  ['a: [', ['is not valid YAML: unexpected end of the stream within a flow collection (1:5)'], 'value'],
  ['port: 80\n---\nport: 81', ['must hold one document, without "---" inside (3:9)'], 'value'],
  ['retries: *many', ['*many has no anchor before it (1:10)'], 'value'],
  ['x-a: &a { <<: *a }', ['*a stands inside of what it names (1:15)'], 'value'],
  ['x-a: !!binary aGk=', ['!!binary is a tag of YAML that means nothing here (1:6)'], 'value'],
  ['? [a]\n: b', ['a key must be a text (1:3)'], 'value'],
  [
    'pools: { a: { <<: 5, backends: [b:80] } }',
    ['<< must name a map, such as *name, or a list of those (1:19)'],
    'value'
  ]
]
