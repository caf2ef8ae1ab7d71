import type { Case } from './case.js'

const ORIGIN_FORM = [
  '/',
  '//',
  '//a',
  '//x/a',
  '/a//b///',
  '/a/../b',
  '/../..',
  '/./a',
  '/a/.',
  '/%2F%2f',
  '/%2e%2E/%2e',
  '/%00%0d%0a',
  '/%zz',
  '/%',
  '/%e',
  '/%25%32%46',
  '/;',
  '/;a=b;c/d;e',
  '/?',
  '/a?',
  '/?a?b',
  '/a?/../b//c',
  '/?a=%zz&b=+&&',
  '/?http://y/z',
  '/http://y/z',
  '/*',
  '/a\\..\\b',
  '/^',
  '/|',
  '/[a]',
  '/{a}',
  '/"a"',
  '/<a>',
  '/`a`',
  "/~!$&'()*+,=:@-._",
  '/__lb',
  '/__lb%2fstats',
  '/__lb%2Fstats?/__lb/stats',
  '/%5f_lb/stats',
  '//__lb/stats',
  '/./__lb/stats',
  '/__LB/stats',
  '/'.padEnd(8000, 'long/'),
  `/?${'q='.repeat(3999)}`
]

const form = (section: string, method: string, sent: string, arrives: string, host = 'x'): Case => ({
  name: `${method} ${sent}`,
  section,
  sent: `${method} ${sent} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  arrives: { line: `${method} ${arrives} HTTP/1.1` }
})

export const forwardedTargets: Readonly<Record<string, readonly Case[]>> = {
  'a target in origin form arrives byte for byte': ORIGIN_FORM.map((target) => ({
    name: target.slice(0, 40),
    section: 'RFC 9112, 3.2.1',
    sent: `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`,
    arrives: { line: `GET ${target} HTTP/1.1` }
  })),
  'a target in absolute form becomes one in origin form': [
    form('RFC 9112, 3.2.2', 'GET', 'http://x/', '/'),
    form('RFC 9112, 3.2.2', 'GET', 'http://x/p?q', '/p?q'),
    form('RFC 9112, 3.2.2', 'GET', 'http://h:81/p?q', '/p?q', 'h:81'),
    form('RFC 9112, 3.2.2', 'GET', 'http://[::1]:81/p', '/p', '[::1]:81'),
    form('RFC 9112, 3.2.2', 'GET', 'HTTP://x/p', '/p'),
    form('RFC 9112, 3.2.2', 'GET', 'http://x/a/../b//%zz', '/a/../b//%zz'),
    form('RFC 9112, 3.2.2', 'GET', 'http://x//y/z', '//y/z'),
    form('RFC 9112, 3.2.2', 'GET', 'http://x/__lb/stats', '/__lb/stats'),
    form('RFC 9112, 3.2.2', 'GET', 'http://x/u@y', '/u@y'),
    form('RFC 9112, 3.2.1', 'GET', 'http://x', '/'),
    form('RFC 9112, 3.2.1', 'GET', 'http://x?q', '/?q'),
    form('RFC 9112, 3.2.1', 'GET', 'http://x?q@r/s', '/?q@r/s'),
    form('RFC 9112, 3.2.1', 'POST', 'http://x', '/'),
    form('RFC 9112, 3.2.4', 'OPTIONS', 'http://x', '*'),
    form('RFC 9112, 3.2.4', 'OPTIONS', 'http://h:81', '*', 'h:81'),
    form('RFC 9112, 3.2.4', 'OPTIONS', 'http://x/', '/'),
    form('RFC 9112, 3.2.4', 'OPTIONS', 'http://x?q', '/?q'),
    form('RFC 9112, 3.2.4', 'OPTIONS', '*', '*'),
    form('RFC 9110, 9.3.7', 'OPTIONS', '/p', '/p')
  ]
}
