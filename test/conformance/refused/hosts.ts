import { type Refused, refused } from './case.js'

const request = (...hosts: string[]) =>
  `GET /refused HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join('')}X: y\r\n\r\n`
const hostsOf = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`a Host ${name}`, request(value)]))

export const hosts: Refused[] = [
  ...refused('RFC 9112, 3.2', {
    'no Host': request(),
    'two Hosts': request('a', 'b'),
    'two Hosts that are the same': request('a', 'a'),
    'two Hosts, the first empty': request('', 'a'),
    'two Hosts, the last empty': request('a', ''),
    'two Hosts in other case': 'GET /refused HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n',
    'two Hosts in HTTP/1.0': 'GET /refused HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n',
    ...hostsOf({
      'with a path': 'x/y',
      'with a path of nothing': 'x/',
      'with a query': 'x?y',
      'with a fragment': 'x#y',
      'with a user': 'u@x',
      'with a user and a password': 'u:p@x',
      'with a comma': 'a,b',
      'that is a list': 'a, b',
      'with a space': 'a b',
      'with a tab': 'a\tb',
      'with a backslash': 'a\\b',
      'in quotes': '"x"',
      'in angle brackets': '<x>',
      'of obs-text': 'caf\xe9',
      'that is a URI': 'http://x',
      'with a port of letters': 'x:y',
      'with a port and letters': 'x:80y',
      'with a port with a plus': 'x:+80',
      'with a negative port': 'x:-80',
      'with a port too large': 'x:65536',
      'with a port of many digits': `x:${'9'.repeat(30)}`,
      'with two ports': 'x:80:81',
      'of a port alone': ':80',
      'of an address of IPv6 without brackets': '::1',
      'with one bracket': '[::1',
      'with letters behind the bracket': '[::1]x',
      'with nothing in the brackets': '[]'
    })
  })
]
