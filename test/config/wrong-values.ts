import type { Env } from '../support/processes.js'

/** What is given, and what standard error has to say of it. */
export type Case = readonly [given: Env | readonly string[], ...said: string[]]

const wholeNumber = (from: number, to: number, got: string) =>
  `must be a whole number from ${from} to ${to}, but is "${got}"`
const secondsFrom = (from: number, to: number, got: string) =>
  `must be a number of seconds from ${from} to ${to}, but is "${got}"`
const backends = (LB_BACKENDS: string): Env => ({ LB_BACKENDS })

export const THROUGH_LB: Case[] = [
  [backends(''), 'LB_BACKENDS must name at least one backend, such as 127.0.0.1:8080'],
  [backends('127.0.0.1'), 'LB_BACKENDS "127.0.0.1": is not a backend address; write host:port'],
  [backends('a:0'), 'LB_BACKENDS "a:0": the port must be from 1 to 65535, but is 0'],
  [backends('a:70000'), 'LB_BACKENDS "a:70000": the port must be from 1 to 65535, but is 70000'],
  [backends('::1:8080'), 'LB_BACKENDS "::1:8080": is not a backend address; IPv6 needs brackets: [::1]:8080'],
  [backends('ftp://a:21'), 'LB_BACKENDS "ftp://a:21": the scheme must be http or https, but is ftp'],
  [backends('http://a/app'), 'LB_BACKENDS "http://a/app": must be an origin without path, query or fragment'],
  [backends('http://me:pw@a'), 'LB_BACKENDS "http://***@a": must not carry a user name or password'],
  [
    backends('a:80;wieght=2'),
    'LB_BACKENDS "a:80;wieght=2": unknown option "wieght=2"; known: weight, max, backup'
  ],
  [backends('a:80;weight=0'), 'LB_BACKENDS "a:80;weight=0": weight must be a whole number from 1 to 256'],
  [backends('a:80;weight=257'), 'weight must be a whole number from 1 to 256, but is "257"'],
  [backends('a:80;weight=1.5'), 'weight must be a whole number from 1 to 256, but is "1.5"'],
  [backends('a:80;weight=2;weight=3'), 'LB_BACKENDS "a:80;weight=2;weight=3": weight is given twice'],
  [backends('a:80;weight'), 'LB_BACKENDS "a:80;weight": weight must be a whole number from 1 to 256'],
  [backends('a:80;max=0'), 'LB_BACKENDS "a:80;max=0": max must be a whole number from 1 to 1000000'],
  [backends('a:80;max=1000001'), 'max must be a whole number from 1 to 1000000, but is "1000001"'],
  [backends('a:80;max=5;max=5'), 'LB_BACKENDS "a:80;max=5;max=5": max is given twice'],
  [backends('a:80;backup=maybe'), 'LB_BACKENDS "a:80;backup=maybe": backup must be true or false'],
  [backends('a:80;backup='), 'LB_BACKENDS "a:80;backup=": backup must be true or false, but is ""'],
  [backends('a:80;backup;backup=false'), 'backup is given twice'],
  [
    backends('a:80;check=health'),
    'check must be a path that starts with "/", such as /health, or grpc: and the name of a service, but is "health"'
  ],
  [backends('a:80;check'), 'check must be a path'],
  [backends('k8s://web'), 'LB_BACKENDS "k8s://web": must be k8s://namespace/service'],
  [backends('k8s://shop/web;h3'), 'LB_BACKENDS "k8s://shop/web;h3": unknown option "h3"'],
  [
    backends('k8s://shop/web;prefer-zone'),
    'LB_BACKENDS "k8s://shop/web": prefer-zone needs the name of a zone, here or in LB_ZONE'
  ],
  [backends('a:80;h2;check=grpc'), 'or grpc: and the name of a service, but is "grpc"'],
  [
    backends('a:80;check=grpc:app.v1.Shop'),
    'LB_BACKENDS "a:80;check=grpc:app.v1.Shop": check=grpc:app.v1.Shop needs h2: gRPC is spoken over HTTP/2 alone'
  ],
  [backends('a:80;h2;check=grpc:;check-status=200'), 'check-status says nothing of a check by gRPC'],
  [
    { LB_HEALTH_CHECK_URL: 'grpc:', LB_BACKENDS: 'a:80;h2 b:80;check=/ c:80;no-check d:80' },
    'LB_BACKENDS "d:80": needs h2, or a check of its own: LB_HEALTH_CHECK_URL=grpc: is spoken over HTTP/2 alone'
  ],
  [
    { LB_HEALTH_CHECK_URL: 'grpc:x', LB_BACKENDS: 'a:80;h2;check-status=200' },
    'LB_BACKENDS "a:80": check-status says nothing of a check by gRPC'
  ],
  [
    { LB_HEALTH_CHECK_URL: 'grpc:', LB_BACKENDS: 'a:80;h2', LB_HEALTH_CHECK_BODY: 'ok' },
    'LB_HEALTH_CHECK_BODY needs a backend that is asked for a path: checks by gRPC do not look at it'
  ],
  [
    { LB_BACKENDS: 'a:80;h2;check=grpc:', LB_HEALTH_CHECK_STATUS: '200' },
    'LB_HEALTH_CHECK_STATUS needs a backend that is asked for a path'
  ],
  [
    { LB_BACKENDS: 'a:80;h2;check=grpc:', LB_HEALTH_CHECK_METHOD: 'HEAD' },
    'LB_HEALTH_CHECK_METHOD needs a backend that is asked for a path'
  ],
  [{ LB_HEALTH_CHECK_URL: 'grpc:a b' }, 'LB_HEALTH_CHECK_URL must be a path that starts with "/"'],
  [backends('a:80;check-host=[1]'), 'check-host must be a host such as app.example, but is "[1]"'],
  [backends('a:80;check-port=0'), 'check-port must be a whole number from 1 to 65535, but is "0"'],
  [backends('a:80;check-status=200+x'), 'check-status must be status codes or ranges such as 200-299+304'],
  [backends('a:80;check-period=0.05'), 'check-period must be a number of seconds from 0.1 to 86400'],
  [backends('a:80;no-check=2'), 'no-check must be true or false, but is "2"'],
  [backends('a:80;check=/a;no-check'), 'no-check leaves nothing to be said by check'],
  [backends('a:80;proxy'), 'LB_BACKENDS "a:80;proxy": proxy must be v1 or v2, but is ""'],
  [backends('a:80;proxy=2'), 'proxy must be v1 or v2, but is "2"'],
  [
    backends('a:80;tls-name=a.test'),
    'LB_BACKENDS "a:80;tls-name=a.test": tls-name needs an origin that begins with'
  ],
  [
    backends('a:80;tls-no-verify'),
    'LB_BACKENDS "a:80;tls-no-verify": tls-no-verify needs an origin that begins'
  ],
  [
    backends('https://a;tls-name=1.2.3.4'),
    'tls-name must be a host name such as app.example, but is "1.2.3.4"'
  ],
  [backends('https://a;tls-no-verify=2'), 'tls-no-verify must be true or false, but is "2"'],
  [backends('a:80 b:80 a:80'), 'LB_BACKENDS "a:80": duplicate, a:80 is listed twice'],
  [backends('App:80,http://aPP'), 'LB_BACKENDS "http://aPP": duplicate, app:80 is listed twice'],
  [{ PORT: '-1' }, `PORT ${wholeNumber(0, 65535, '-1')}`],
  [{ FASTIFY_PORT: '' }, `FASTIFY_PORT ${wholeNumber(0, 65535, '')}`],
  [{ LB_MAX_SOCKETS: '-5' }, `LB_MAX_SOCKETS ${wholeNumber(0, 1_000_000, '-5')}`],
  [
    { LB_TLS_CERT: '/nowhere.pem' },
    'LB_TLS_CERT must name PEM files, but "/nowhere.pem" cannot be read: there is no'
  ],
  [
    { LB_TLS_CERT: 'README.md' },
    'LB_TLS_CERT must name PEM files, but "README.md" has no certificate in PEM'
  ],
  [{ LB_TLS_KEY: 'docs' }, 'LB_TLS_KEY must name PEM files, but "docs" cannot be read: it is a folder'],
  [{ LB_TLS_MIN_VERSION: 'TLSv1.1' }, 'LB_TLS_MIN_VERSION must be one of TLSv1.2, TLSv1.3, but is "TLSv1.1"'],
  [{ LB_TLS_MIN_VERSION: 'TLSv1.3' }, 'LB_TLS_MIN_VERSION needs LB_TLS_CERT'],
  [
    { LB_TLS_CLIENT_CA: 'README.md' },
    'LB_TLS_CLIENT_CA must name PEM files, but "README.md" has no certificate'
  ],
  [{ LB_HTTPS_REDIRECT_PORT: '70000' }, `LB_HTTPS_REDIRECT_PORT ${wholeNumber(0, 65535, '70000')}`],
  [{ LB_HTTPS_REDIRECT_PORT: '8080' }, 'LB_HTTPS_REDIRECT_PORT needs LB_TLS_CERT'],
  [{ LB_HTTPS_PORT: '443' }, 'LB_HTTPS_PORT needs LB_HTTPS_REDIRECT_PORT'],
  [{ LB_HSTS: '1y' }, `LB_HSTS ${wholeNumber(0, 315_360_000, '1y')}`],
  [{ LB_HSTS: '60' }, 'LB_HSTS needs LB_TLS_CERT'],
  [{ LB_NO_HTTP2: 'true' }, 'LB_NO_HTTP2 needs LB_TLS_CERT'],
  [{ LB_H2C: 'yes!' }, 'LB_H2C must be true or false, but is "yes!"'],
  [{ LB_HTTP2_MAX_STREAMS: '0' }, `LB_HTTP2_MAX_STREAMS ${wholeNumber(1, 10_000, '0')}`],
  [{ LB_HTTP2_SEND_TIMEOUT: '1h' }, `LB_HTTP2_SEND_TIMEOUT ${secondsFrom(0, 86400, '1h')}`],
  [{ LB_BACKEND_CA: '/nowhere.pem' }, 'LB_BACKEND_CA must name PEM files, but "/nowhere.pem" cannot be read'],
  [
    { LB_BACKEND_CERT: 'README.md' },
    'LB_BACKEND_CERT must name PEM files, but "README.md" has no certificate'
  ],
  [
    { LB_BACKEND_KEY: 'README.md' },
    'LB_BACKEND_KEY must name PEM files, but "README.md" has no private key in PEM'
  ],
  [{ LB_HEALTH_CHECK_PERIOD: '0' }, `LB_HEALTH_CHECK_PERIOD ${secondsFrom(0.1, 86400, '0')}`],
  [
    { LB_HEALTH_CHECK_DOWN_PERIOD: '0.05' },
    'LB_HEALTH_CHECK_DOWN_PERIOD must be 0 or a number of seconds from 0.1 to 86400, but is "0.05"'
  ],
  [{ LB_HEALTH_CHECK_METHOD: 'get' }, 'LB_HEALTH_CHECK_METHOD must be a method in capitals such as GET'],
  [{ LB_HEALTH_CHECK_METHOD: 'CONNECT' }, 'LB_HEALTH_CHECK_METHOD must be a method in capitals'],
  [{ LB_HEALTH_CHECK_METHOD: 'GET /' }, 'LB_HEALTH_CHECK_METHOD must be a method in capitals'],
  [{ LB_HEALTH_CHECK_HOST: 'a\r\nX: 1' }, 'LB_HEALTH_CHECK_HOST must be a host such as app.example'],
  [{ LB_HEALTH_CHECK_HOST: 'a:70000' }, 'LB_HEALTH_CHECK_HOST must be a host such as app.example'],
  [
    { LB_HEALTH_CHECK_HEADERS: 'X-A: 1;secret' },
    'LB_HEALTH_CHECK_HEADERS must list fields such as',
    'second'
  ],
  [{ LB_HEALTH_CHECK_HEADERS: 'X-A: a\rX-B: b' }, 'in ASCII, but the first is not one'],
  [{ LB_HEALTH_CHECK_HEADERS: 'X-A: ü' }, 'in ASCII, but the first is not one'],
  [{ LB_HEALTH_CHECK_HEADERS: 'X A: 1' }, 'in ASCII, but the first is not one'],
  [
    {
      LB_HEALTH_CHECK_HEADERS:
        'host: a; Content-Length: 1; Transfer-Encoding: chunked; connection: x; Upgrade: y'
    },
    'LB_HEALTH_CHECK_HEADERS must not set host',
    'LB_HEALTH_CHECK_HEADERS must not set Content-Length',
    'LB_HEALTH_CHECK_HEADERS must not set Transfer-Encoding',
    'LB_HEALTH_CHECK_HEADERS must not set connection',
    'LB_HEALTH_CHECK_HEADERS must not set Upgrade'
  ],
  [
    { LB_HEALTH_CHECK_BODY: '/(/' },
    'LB_HEALTH_CHECK_BODY must be a text or a pattern such as /ready|ok/i: Invalid'
  ],
  [{ LB_HEALTH_CHECK_BODY: '/a/g' }, 'with flags of i, m, s, u and v, but has "g"'],
  [
    { LB_HEALTH_CHECK_BODY: 'ok', LB_HEALTH_CHECK_METHOD: 'HEAD' },
    'LB_HEALTH_CHECK_BODY needs another LB_HEALTH_CHECK_METHOD: an answer to HEAD has no body'
  ],
  [{ LB_HEALTH_CHECK_URL: 'health' }, 'LB_HEALTH_CHECK_URL must be a path that starts with "/"'],
  [{ LB_HEALTH_CHECK_TIMEOUT: '2s' }, `LB_HEALTH_CHECK_TIMEOUT ${secondsFrom(0.05, 3600, '2s')}`],
  [{ LB_HEALTH_CHECK_STATUS: '399-200' }, 'LB_HEALTH_CHECK_STATUS must list status codes or ranges'],
  [{ LB_HEALTH_CHECK_RISE: '0' }, `LB_HEALTH_CHECK_RISE ${wholeNumber(1, 100, '0')}`],
  [{ LB_HEALTH_CHECK_FALL: '1.5' }, `LB_HEALTH_CHECK_FALL ${wholeNumber(1, 100, '1.5')}`],
  [
    { LB_ALGORITHM: 'leastconn' },
    'LB_ALGORITHM must be one of least-connections, peak-ewma, p2c, round-robin, random, hash, but is "leastconn"'
  ],
  [{ LB_ALGORITHM: 'hash', LB_HASH_KEY: 'header' }, 'LB_HASH_KEY must be address, target, header:NAME'],
  [{ LB_ALGORITHM: 'hash', LB_HASH_KEY: 'cookie:a b' }, 'LB_HASH_KEY must be address, target, header:NAME'],
  [{ LB_HASH_KEY: 'target' }, 'LB_HASH_KEY needs LB_ALGORITHM=hash'],
  [{ LB_STICKY_COOKIE: 'a=b' }, 'LB_STICKY_COOKIE must be the name of a cookie'],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_SECRET: 'too short' },
    'LB_STICKY_SECRET must have at least 16 characters, but has 9'
  ],
  [{ LB_STICKY_SECRET: 'long enough to sign with' }, 'LB_STICKY_SECRET needs LB_STICKY_COOKIE'],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_MAX_AGE: '1d' },
    `LB_STICKY_MAX_AGE ${secondsFrom(0, 34_560_000, '1d')}`
  ],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_PATH: 'app' },
    'LB_STICKY_PATH must be a path that starts with "/" and has no ";", such as /app, but is "app"'
  ],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_DOMAIN: 'a.test:80' },
    'LB_STICKY_DOMAIN must be a domain such as app.example, without a port, but is "a.test:80"'
  ],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_SAME_SITE: 'off' },
    'LB_STICKY_SAME_SITE must be one of Lax, Strict, None, but is "off"'
  ],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_SECURE: 'yes' },
    'LB_STICKY_SECURE must be one of auto, always, never, but is "yes"'
  ],
  [{ LB_STICKY_HTTP_ONLY: 'maybe' }, 'LB_STICKY_HTTP_ONLY must be true or false, but is "maybe"'],
  [
    { LB_STICKY_COOKIE: 'lb', LB_STICKY_PARTITIONED: 'true' },
    'LB_STICKY_PARTITIONED needs TLS (LB_TLS_CERT, or a proxy of LB_TRUSTED_PROXIES'
  ],
  [{ LB_STICKY_MAX_AGE: '60' }, 'LB_STICKY_MAX_AGE needs LB_STICKY_COOKIE'],
  [{ LB_LANE: 'on' }, 'LB_LANE must be one of auto, routed, off, but is "on"'],
  [{ LB_RETRIES: '11' }, `LB_RETRIES ${wholeNumber(0, 10, '11')}`],
  [{ LB_RETRY_STATUS: '5xx' }, 'LB_RETRY_STATUS must list status codes or ranges'],
  [{ LB_RETRY_BUFFER: '64k' }, `LB_RETRY_BUFFER ${wholeNumber(0, 16_777_216, '64k')}`],
  [{ LB_RETRY_BUDGET: '101' }, `LB_RETRY_BUDGET ${wholeNumber(0, 100, '101')}`],
  [{ LB_NO_EJECTION: '2' }, 'LB_NO_EJECTION must be true or false, but is "2"'],
  [{ LB_STALL_TIMEOUT: '-1' }, `LB_STALL_TIMEOUT ${secondsFrom(0, 3600, '-1')}`],
  [{ LB_HEDGE: 'p95' }, 'LB_HEDGE must be true or false, but is "p95"'],
  [{ LB_SLOW_START: '10s' }, `LB_SLOW_START ${secondsFrom(0, 3600, '10s')}`],
  [{ LB_QUEUE_SIZE: '-1' }, `LB_QUEUE_SIZE ${wholeNumber(0, 1_000_000, '-1')}`],
  [{ LB_QUEUE_TIMEOUT: '0' }, `LB_QUEUE_TIMEOUT ${secondsFrom(0.01, 3600, '0')}`],
  [{ LB_OUTAGE_TIMEOUT: '-1' }, `LB_OUTAGE_TIMEOUT ${secondsFrom(0, 3600, '-1')}`],
  [{ LB_PANIC: 'no way' }, 'LB_PANIC must be true or false, but is "no way"'],
  [{ LB_RESPONSE_TIMEOUT: '-1' }, `LB_RESPONSE_TIMEOUT ${secondsFrom(0, 86400, '-1')}`],
  [{ LB_TUNNEL_TIMEOUT: '0' }, `LB_TUNNEL_TIMEOUT ${secondsFrom(1, 86400, '0')}`],
  [{ LB_REQUEST_HEAD_TIMEOUT: '0' }, `LB_REQUEST_HEAD_TIMEOUT ${secondsFrom(1, 3600, '0')}`],
  [{ LB_REQUEST_TIMEOUT: '-1' }, `LB_REQUEST_TIMEOUT ${secondsFrom(0, 86400, '-1')}`],
  [{ LB_REQUEST_BODY_TIMEOUT: '1h' }, `LB_REQUEST_BODY_TIMEOUT ${secondsFrom(0, 86400, '1h')}`],
  [{ LB_KEEP_ALIVE_TIMEOUT: '0.5' }, `LB_KEEP_ALIVE_TIMEOUT ${secondsFrom(1, 86400, '0.5')}`],
  [{ LB_MAX_REQUESTS_PER_SOCKET: '1e3' }, 'LB_MAX_REQUESTS_PER_SOCKET must be a whole number'],
  [{ LB_MAX_SOCKETS_PER_CLIENT: '-1' }, `LB_MAX_SOCKETS_PER_CLIENT ${wholeNumber(0, 1_000_000, '-1')}`],
  [
    { LB_METHODS: 'BAN', LB_H2C: 'false' },
    'LB_METHODS needs HTTP/2: LB_TLS_CERT without LB_NO_HTTP2, or LB_H2C'
  ],
  [{ LB_METHODS: 'B@N', LB_H2C: 'true' }, 'LB_METHODS must list methods such as BAN, but has "B@N"'],
  [{ LB_METHODS: 'BAN,GET', LB_H2C: 'true' }, 'LB_METHODS must not list GET, which is passed on anyway'],
  [{ LB_METHODS: 'TRACE', LB_H2C: 'true' }, 'LB_METHODS must not list TRACE, which is passed on anyway'],
  [{ LB_METHODS: 'get', LB_H2C: 'true' }, 'LB_METHODS must not list "get", which some would take for GET'],
  [{ LB_METHODS: 'CONNECT', LB_H2C: 'true' }, 'LB_METHODS must not list CONNECT, which is never passed on'],
  [{ LB_METHODS: 'pri', LB_H2C: 'true' }, 'LB_METHODS must not list PRI, which is never passed on'],
  [
    { LB_MAX_RESPONSE_HEADER_SIZE: '512' },
    `LB_MAX_RESPONSE_HEADER_SIZE ${wholeNumber(1024, 1_048_576, '512')}`
  ],
  [{ LB_MAX_HEADER_SIZE: '16k' }, `LB_MAX_HEADER_SIZE ${wholeNumber(1024, 1_048_576, '16k')}`],
  [{ LB_MAX_HEADERS: '0' }, `LB_MAX_HEADERS ${wholeNumber(1, 100_000, '0')}`],
  [{ LB_MAX_TARGET_LENGTH: '0' }, `LB_MAX_TARGET_LENGTH ${wholeNumber(16, 1_048_576, '0')}`],
  [{ LB_MAX_BODY_SIZE: '1.5' }, 'LB_MAX_BODY_SIZE must be a whole number'],
  [{ LB_RATE_LIMIT: '100' }, 'LB_RATE_LIMIT must be a rate such as 100/s, 1000/m', 'but is "100"'],
  [{ LB_RATE_LIMIT: '100/d' }, 'LB_RATE_LIMIT must be a rate such as', 'but is "100/d"'],
  [{ LB_RATE_LIMIT: '0/s' }, 'with numbers from 1 to 1000000, but is "0/s"'],
  [{ LB_RATE_LIMIT: '1000001/s' }, 'with numbers from 1 to 1000000, but is "1000001/s"'],
  [{ LB_RATE_LIMIT: '10/s;burst=0' }, 'with numbers from 1 to 1000000, but is "10/s;burst=0"'],
  [{ LB_RATE_LIMIT: '1.5/s;burst=' }, 'LB_RATE_LIMIT must be a rate such as'],
  [{ LB_ALLOW: '10.0.0.0/8 everybody' }, 'LB_ALLOW must list addresses or CIDR ranges', 'has "everybody"'],
  [{ LB_DENY: '10.0.0.0/33' }, 'LB_DENY must list addresses or CIDR ranges', 'has "10.0.0.0/33"'],
  [{ LB_KUBECONFIG: '/etc/' }, 'LB_KUBECONFIG must be the path of a file'],
  [{ LB_ZONE: 'a b' }, 'LB_ZONE must be the name of a zone such as eu-west-1a, but is "a b"'],
  [{ LB_DNS_SERVERS: 'dns.example' }, 'LB_DNS_SERVERS must list addresses of servers such as 10.0.0.2'],
  [{ LB_REGISTER_TOKEN: 'short' }, 'LB_REGISTER_TOKEN must have at least 16 characters, but has 5'],
  [
    { LB_REGISTER_TOKEN: 'default:0123456789abcdef elsewhere:0123456789abcdeg' },
    'LB_REGISTER_TOKEN names the pool "elsewhere", but there are default'
  ],
  [
    { LB_REGISTER_TOKEN: 'default:0123456789abcdef default:0123456789abcdeg' },
    'LB_REGISTER_TOKEN must have one token for the pool "default", but has two'
  ],
  [
    { LB_REGISTER_TOKEN: '0123456789abcdef', LB_ADMIN_TOKEN: '0123456789abcdef' },
    'LB_REGISTER_TOKEN must be another than LB_ADMIN_TOKEN'
  ],
  [{ LB_SHARED: 'memcached://cache:11211' }, 'LB_SHARED must be a URL such as redis://host:6379/0'],
  [{ LB_SHARED: 'redis://:secret@cache' }, 'LB_SHARED must not carry a password: set LB_SHARED_PASSWORD'],
  [{ LB_SHARED_PASSWORD: 'secret' }, 'LB_SHARED_PASSWORD needs LB_SHARED'],
  [{ LB_REGISTER_ALLOW: 'anybody' }, 'LB_REGISTER_ALLOW must list addresses or CIDR ranges'],
  [{ LB_REGISTER_RANGES: '10.0.0.0/8' }, 'LB_REGISTER_RANGES needs LB_REGISTER_TOKEN'],
  [{ LB_REGISTER_MAX: '0' }, 'LB_REGISTER_MAX must be a whole number from 1 to 10000'],
  [{ LB_TRUSTED_PROXIES: 'proxy' }, 'LB_TRUSTED_PROXIES must list addresses or CIDR ranges'],
  [{ LB_PROXY_PROTOCOL: '2' }, 'LB_PROXY_PROTOCOL must be true or false, but is "2"'],
  [{ LB_PROXY_PROTOCOL: 'true' }, 'LB_PROXY_PROTOCOL needs LB_TRUSTED_PROXIES'],
  [{ LB_FORWARDED: '' }, 'LB_FORWARDED must be true or false, but is ""'],
  [{ LB_STATS_INTERVAL: '1e3' }, `LB_STATS_INTERVAL ${secondsFrom(0, 86400, '1e3')}`],
  [
    { LB_ACCESS_LOG: 'some', LB_ACCESS_LOG_FORMAT: 'common', LB_ACCESS_LOG_FILE: '/no/such/access.log' },
    'LB_ACCESS_LOG must be off, all, errors, a share such as 5%, or errors+5%, but is "some"',
    'LB_ACCESS_LOG_FORMAT must be one of json, combined, but is "common"',
    'LB_ACCESS_LOG_FILE must be a file that can be written, but "/no/such/access.log" is not one: ENOENT'
  ],
  [
    { LB_TRACEPARENT: '00', OTEL_TRACES_EXPORTER: 'zipkin' },
    'LB_TRACEPARENT must be true or false, but is "00"',
    'OTEL_TRACES_EXPORTER must be one of otlp, console, none, but is "zipkin"'
  ],
  [
    { LB_ADMIN_HOSTS: 'lb.example:8000' },
    'LB_ADMIN_HOSTS must list names of hosts such as lb.example.com or *.example.com, without ports, but has "lb.example:8000"'
  ],
  [{ LB_ADMIN_ALLOW: '10.0.0.0/33' }, 'LB_ADMIN_ALLOW must list addresses or CIDR ranges'],
  [
    { LB_ADMIN_TOKEN: '15 letters long' },
    'LB_ADMIN_TOKEN must be of visible ASCII characters, without spaces',
    'LB_ADMIN_TOKEN must have at least 16 characters, but has 15'
  ],
  [{ LB_ADMIN_TOKEN: 'sixteen-letters-ü' }, 'LB_ADMIN_TOKEN must be of visible ASCII characters'],
  [{ LB_ADMIN_PORT: '65536' }, `LB_ADMIN_PORT ${wholeNumber(0, 65535, '65536')}`],
  [{ LB_ADMIN_PORT: '8000', PORT: '8000' }, 'LB_ADMIN_PORT needs another port than PORT'],
  [{ LB_STATE_FILE: '/no/such/folder/state' }, 'LB_STATE_FILE must be a file in a folder that is there'],
  [{ LB_STATE_FILE: '/tmp' }, 'LB_STATE_FILE must be a file in a folder that is there, but is "/tmp"'],
  [{ LB_STATE_FILE: 'state/' }, 'LB_STATE_FILE must be a file in a folder that is there, but is "state/"'],
  [{ LB_DRAIN_TIMEOUT: '4000' }, `LB_DRAIN_TIMEOUT ${secondsFrom(0, 3600, '4000')}`],
  [{ LB_UPGRADE_DRAIN_TIMEOUT: '90000' }, `LB_UPGRADE_DRAIN_TIMEOUT ${secondsFrom(0, 86_400, '90000')}`],
  [
    { LB_PID_FILE: '/no/such/lb.pid' },
    'LB_PID_FILE must be a file in a folder that is there, but is "/no/such/lb.pid"'
  ],
  [{ LB_BACKEND: 'a:80' }, 'LB_BACKEND is not a known variable; did you mean LB_BACKENDS?'],
  [['-p', '70000'], `PORT ${wholeNumber(0, 65535, '70000')}`],
  [['--max-connections', '1.5'], `LB_MAX_CONNECTIONS ${wholeNumber(1, 1_000_000, '1.5')}`],
  [['-b', 'a:80', 'b:80;weight=300'], 'LB_BACKENDS "b:80;weight=300": weight must be a whole number'],
  [['--backends', 'a', '--backends', 'b:0'], 'LB_BACKENDS "a": is not', 'LB_BACKENDS "b:0": the port'],
  [['--stats-interval', '-1'], `LB_STATS_INTERVAL ${secondsFrom(0, 86400, '-1')}`],
  [['--max-connections'], "option '--max-connections <n>' argument missing"],
  [['--max-conections', '5'], "unknown option '--max-conections'", 'Did you mean --max-connections?']
]

export const THROUGH_FASTIFY: Case[] = [
  [{ LB_CONFIG: '/nowhere/lb.yml' }, 'LB_CONFIG: /nowhere/lb.yml cannot be read: ENOENT'],
  [backends('nonsense'), 'LB_BACKENDS "nonsense": is not a backend address; write host:port'],
  [backends('a:80 A:80'), 'LB_BACKENDS "A:80": duplicate, a:80 is listed twice'],
  [{ PORT: 'http' }, `PORT ${wholeNumber(0, 65535, 'http')}`],
  [{ PORT: '65536' }, `PORT ${wholeNumber(0, 65535, '65536')}`],
  [{ PORT: '' }, `PORT ${wholeNumber(0, 65535, '')}`],
  [{ FASTIFY_PORT: '70000' }, `FASTIFY_PORT ${wholeNumber(0, 65535, '70000')}`],
  [{ FASTIFY_PORT: 'eighty' }, `FASTIFY_PORT ${wholeNumber(0, 65535, 'eighty')}`],
  [{ LB_THREADS: '0' }, 'LB_THREADS must be a whole number from 1 to 64, or auto, but is "0"'],
  [{ LB_THREADS: '65' }, 'LB_THREADS must be a whole number from 1 to 64, or auto, but is "65"'],
  [{ LB_THREADS: 'all' }, 'LB_THREADS must be a whole number from 1 to 64, or auto, but is "all"'],
  [{ LB_MAX_CONNECTIONS: '0' }, `LB_MAX_CONNECTIONS ${wholeNumber(1, 1_000_000, '0')}`],
  [{ LB_CONNECTION_TIMEOUT: '0' }, `LB_CONNECTION_TIMEOUT ${secondsFrom(0.05, 3600, '0')}`],
  [{ LB_BUFFER_SIZE: '1023' }, `LB_BUFFER_SIZE ${wholeNumber(1024, 16_777_216, '1023')}`],
  [{ LB_NO_HEALTH_CHECK: 'maybe' }, 'LB_NO_HEALTH_CHECK must be true or false, but is "maybe"'],
  [{ LB_MAX_CONECTIONS: '5' }, 'LB_MAX_CONECTIONS is not a known variable; did you mean LB_MAX_CONNECTIONS?'],
  [
    { ...backends('a:0 b:80;weight=0'), PORT: 'x', LB_STATS_INTERVAL: 'x', LB_STATS: '1' },
    'PORT must',
    'LB_BACKENDS "a:0": the port must',
    'LB_BACKENDS "b:80;weight=0": weight must',
    'LB_STATS_INTERVAL must',
    'LB_STATS is not a known variable'
  ]
]
