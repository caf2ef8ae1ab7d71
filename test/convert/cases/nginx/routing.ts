import type { Case } from '../case.js'

/** Which requests go where: in the shape of examples in nginx's documentation and in guides to it. */
export const routing: readonly Case[] = [
  {
    name: 'paths to several services, with and without a URI behind the address',
    text: `
http {
    sendfile on;
    keepalive_timeout 65;
    client_max_body_size 8m;
    upstream web { server web.internal:80 weight=3; }
    upstream api { server api.internal:80; keepalive 16; }
    server {
        listen 80 default_server;
        server_name _;
        location / { proxy_pass http://web; proxy_set_header Host $http_host; }
        location /api/ { proxy_pass http://api; client_max_body_size 64k; }
        location /v1/ { proxy_pass http://api/v2/; }
        location /cut/ { proxy_pass http://api/; }
        location /same/ { proxy_pass http://api/same/; }
        location = /exact { proxy_pass http://api/other; }
        location /word { proxy_pass http://api; }
    }
}
`,
    asked: {
      hosts: ['a.example'],
      targets: [
        '/',
        '/x',
        '/api',
        '/api/',
        '/api/x?y=1',
        '/apix',
        '/v1',
        '/v1/',
        '/v1/a/b?c',
        '/v1x',
        '/cut/',
        '/cut/a%20b',
        '/same/x',
        '/exact',
        '/exact?q=1',
        '/exact/x',
        '/word',
        '/words',
        '/word/x'
      ]
    }
  },
  {
    name: 'exact paths, prefixes and regular expressions in their order',
    text: `
server {
    listen 80;
    location / { proxy_pass http://web.internal:80; }
    location /docs { proxy_pass http://docs.internal:80; }
    location ^~ /images/ { proxy_pass http://images.internal:80; }
    location ~* \\.(gif|jpg|png)$ { proxy_pass http://files.internal:80; }
    location ~ ^/docs/old/ { return 410; }
    location ~ "^/users/[0-9]{1,3}$" { proxy_pass http://users.internal:80; }
    location = / { return 200 "home"; }
}
`,
    asked: {
      hosts: ['a.example'],
      targets: [
        '/',
        '/a',
        '/a.png',
        '/a.PNG',
        '/docs',
        '/docs/',
        '/docsx',
        '/docs/a.jpg',
        '/docs/old/',
        '/docs/old/a.gif',
        '/images',
        '/images/',
        '/images/a.png',
        '/users/12',
        '/users/1234',
        '/users/x'
      ]
    }
  },
  {
    name: 'servers by name, with a redirect to the main one',
    text: `
server {
    listen 80;
    server_name www.example.com;
    return 301 $scheme://example.com$request_uri;
}
server {
    listen 80;
    server_name example.com;
    location / { proxy_pass http://main.internal:80; proxy_set_header Host $host; }
}
server {
    listen 80;
    server_name *.example.com;
    location / { proxy_pass http://sub.internal:80; proxy_set_header Host $host; }
    location /only { return 403; }
}
server {
    listen 80;
    server_name .example.org ~^(?<user>.+)\\.users\\.example$;
    rewrite ^/old/(.*)$ /new/$1 permanent;
    rewrite ^/gone$ https://elsewhere.example/why? redirect;
    location / { proxy_pass http://org.internal:80; }
}
server {
    listen 80 default_server;
    return 444;
}
`,
    asked: {
      hosts: ['example.com', 'www.example.com', 'a.b.example.com', 'example.org', 'x.example.org'],
      targets: ['/', '/a?b=c', '/only', '/only/x', '/onlyx', '/old/x?y=1', '/old/', '/new/x', '/gone']
    }
  },
  {
    name: 'conditions on methods, fields, parameters and hosts',
    text: `
server {
    listen 80 default_server;
    server_name example.com www.example.com;
    if ($request_method !~ ^(GET|HEAD|POST)$) { return 405; }
    if ($http_x_blocked) { return 403; }
    if ($arg_debug = "1") { return 404; }
    if ($host = www.example.com) { return 301 http://example.com$request_uri; }
    location / { proxy_pass http://web.internal:80; proxy_set_header Host $host; }
    location /key/ {
        if ($http_x_key != "secret") { return 401; }
        proxy_pass http://web.internal:80;
        proxy_set_header Host $host;
    }
    location /cookie {
        if ($cookie_beta = "1") { return 302 /beta; }
        return 200 "no beta";
    }
}
`,
    asked: {
      hosts: ['example.com', 'www.example.com'],
      methods: ['GET', 'PUT', 'POST'],
      targets: ['/', '/x?debug=1', '/x?debug=2', '/key/a', '/key/a?debug=1', '/cookie'],
      fields: [
        {},
        { 'X-Blocked': '1' },
        { 'X-Key': 'secret' },
        { 'X-Key': 'wrong', Cookie: 'a=b; beta=1' },
        { Cookie: 'beta=10' }
      ]
    }
  },
  {
    name: 'a map from hosts to upstreams, and constants',
    text: `
map $host $pool {
    default main;
    api.example.com api;
    .shop.example.com shop;
}
upstream main { server main.internal:80; }
upstream api { server api.internal:80; }
upstream shop { server shop.internal:80; }
server {
    listen 80;
    set $target http://main.internal:80;
    location / { proxy_pass http://$pool; proxy_set_header Host $host; }
    location /fixed/ { proxy_pass $target; proxy_set_header Host $host; }
}
`,
    asked: {
      hosts: ['a.example', 'api.example.com'],
      targets: ['/', '/x?y', '/fixed/x']
    }
  },
  {
    name: 'files, and named locations for what is none',
    text: `
server {
    listen 80;
    root /nonexistent;
    proxy_set_header X-Server 1;
    location / { add_header X-File 1; try_files $uri @app; }
    location /closed/ { deny all; try_files $uri @app; }
    location /moved/ { try_files $uri @elsewhere; }
    location @app {
        add_header X-App 1 always;
        proxy_set_header Host $host;
        proxy_set_header X-Named 1;
        proxy_pass http://app.internal:80;
    }
    location @elsewhere { return 302 http://elsewhere.example$request_uri; }
}
`,
    asked: {
      hosts: ['a.example'],
      targets: ['/', '/x?y', '/closed/x', '/moved/x?y']
    }
  },
  {
    name: 'locations in locations, groups of expressions and prefixes that change',
    text: `
server {
    listen 80;
    server_name a.example;
    location / { proxy_pass http://web.internal:1; }
    location /outer/ {
        proxy_set_header X-Outer 1;
        proxy_set_header Host $host;
        location /outer/inner/ { proxy_pass http://inner.internal:1; }
        location ~ \\.php$ { return 403; }
        proxy_pass http://outer.internal:1;
    }
    location /api/ { rewrite ^/api/(.*)$ /$1 break; proxy_pass http://web.internal:1; }
    location /api/v1/ { return 410; }
    location ~ ^/group/(.*)$ { proxy_pass http://web.internal:1/$1$is_args$args; }
}
server { listen 80; server_name b.example; rewrite ^ https://a.example$request_uri? permanent; }
server { listen 80; server_name c.example; location /x/ { return 204; } location /y { return 200 "y"; } }
`,
    asked: {
      hosts: ['a.example', 'b.example', 'c.example'],
      targets: [
        '/',
        '/outer/',
        '/outer',
        '/outer/x',
        '/outer/inner/',
        '/outer/inner',
        '/outer/a.php',
        '/a.php',
        '/api/z?q',
        '/api',
        '/api/v1/x',
        '/api/v1',
        '/group/a/b?c=d',
        '/x/',
        '/x',
        '/y'
      ]
    }
  }
]
