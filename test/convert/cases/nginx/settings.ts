import type { Case } from '../case.js'

/** What is said of backends, clients and messages: in the shape of examples in nginx's documentation. */
export const settings: readonly Case[] = [
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
  }
]
