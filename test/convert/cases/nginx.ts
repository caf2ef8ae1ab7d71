import type { Case } from './case.js'

/** In the shape of examples in nginx's documentation and in guides to it. */
export const nginx: readonly Case[] = [
  {
    name: 'a reverse proxy for one application, with WebSockets',
    text: `
map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      close;
}
upstream app {
    least_conn;
    server app.internal:3000;
}
server {
    listen 80;
    server_name example.com;
    location / {
        proxy_pass http://app;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_read_timeout 30s;
    }
}
`,
    asked: { hosts: ['example.com', 'other.example'], targets: ['/', '/a/b?c=d', '/a%20b'] }
  },
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
    name: 'who is let in, how often, and with which methods',
    text: `
limit_req_zone $binary_remote_addr zone=slow:10m rate=30r/m;
server {
    listen 80;
    deny 203.0.113.7;
    location / { proxy_pass http://web.internal:80; }
    location /admin/ { allow 10.0.0.0/8; deny all; proxy_pass http://web.internal:80; }
    location /local/ { allow 127.0.0.1; deny all; proxy_pass http://web.internal:80; }
    location /closed { deny all; }
    location /login { limit_req zone=slow burst=4 nodelay; limit_req_status 429; proxy_pass http://web.internal:80; }
    location /read/ { limit_except GET { deny all; } proxy_pass http://web.internal:80; }
    location /private/ { auth_basic "who"; auth_basic_user_file htpasswd; proxy_pass http://web.internal:80; }
    location ~ /\\.ht { deny all; }
    location /files/ { root /srv/www; }
    location /inside { internal; proxy_pass http://web.internal:80; }
}
`,
    asked: {
      hosts: ['a.example'],
      methods: ['GET', 'POST'],
      targets: [
        '/',
        '/admin/',
        '/admin',
        '/local/x',
        '/closed',
        '/read/x',
        '/.htaccess',
        '/a/.htx',
        '/inside/x',
        '/files/none'
      ]
    }
  },
  {
    name: 'fields of requests and responses, inherited or not',
    text: `
server {
    listen 80;
    proxy_set_header Host app.example;
    proxy_set_header X-Team blue;
    proxy_set_header X-Drop "";
    proxy_set_header X-Real-IP $remote_addr;
    add_header X-Frame-Options DENY always;
    add_header X-Store "no" always;
    location / { proxy_pass http://web.internal:80; }
    location /own/ {
        proxy_set_header X-Team red;
        add_header X-Own yes always;
        proxy_pass http://web.internal:80;
    }
    location /hide/ { proxy_hide_header X-Backend-Note; proxy_pass http://web.internal:80; }
    location = /fixed { default_type text/html; return 200 "<p>fixed</p>"; }
}
`,
    asked: {
      hosts: ['a.example'],
      targets: ['/', '/own/', '/hide/x', '/fixed'],
      fields: [{}, { 'X-Drop': '1', 'X-Team': 'none', 'X-Keep': '2' }]
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
    name: 'algorithms, options of servers, and a canary',
    text: `
upstream hashed {
    hash $request_uri consistent;
    server one.internal:80 max_fails=3 fail_timeout=30s;
    server two.internal:80 max_conns=100;
    server three.internal:80 backup;
    server four.internal:80 down;
}
upstream by_user { hash $http_x_user; server one.internal:80; server two.internal:80; }
upstream sticky { ip_hash; server one.internal:80; server two.internal:80; }
upstream chance { random two least_conn; server one.internal:80; server two.internal:80; }
upstream next { server three.internal:80; }
split_clients "\${remote_addr}" $variant {
    10% next;
    * hashed;
}
server {
    listen 80;
    location / { proxy_pass http://$variant; }
    location /user { proxy_pass http://by_user; proxy_connect_timeout 2s; proxy_next_upstream error timeout http_502 http_503; }
    location /sticky { proxy_pass http://sticky; proxy_next_upstream_tries 2; }
    location /chance { proxy_pass http://chance; mirror /copy; }
    location /copy { internal; proxy_pass http://next$request_uri; }
}
`
  },
  {
    name: 'HTTPS, with a redirect from HTTP',
    text: `
server {
    listen 80;
    listen [::]:80;
    server_name example.com;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl http2;
    server_name example.com;
    ssl_certificate /etc/ssl/example.com.pem;
    ssl_certificate_key /etc/ssl/example.com.key;
    ssl_protocols TLSv1.3;
    gzip on;
    location / {
        proxy_pass https://app.internal:8443;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate /etc/ssl/ca.pem;
        proxy_set_header Host $host;
    }
    location /cached/ { proxy_pass http://app.internal:8080; proxy_cache zone; }
}
server { listen 8080; location / { proxy_pass http://app.internal:8080; } }
`
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
