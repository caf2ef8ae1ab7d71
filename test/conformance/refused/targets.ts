import { CONTROLS, hex, type Refused, refused } from './case.js'

const request = (method: string, target: string, host = 'x') =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const gets = (targets: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(targets).map(([name, target]) => [name, request('GET', target)]))

export const targets: Refused[] = [
  ...refused('RFC 9112, 3.2.4', {
    'GET of *': request('GET', '*'),
    'POST of *': request('POST', '*'),
    'HEAD of *': request('HEAD', '*'),
    'OPTIONS of * and more': request('OPTIONS', '*x'),
    'OPTIONS of * and a query': request('OPTIONS', '*?q')
  }),
  ...refused('RFC 9112, 3.2.3', {
    'an authority': request('GET', 'x:80'),
    'an authority of an address': request('GET', '127.0.0.1:80'),
    'an authority for OPTIONS': request('OPTIONS', 'x:80')
  }),
  ...refused(
    'RFC 9110, 9.3.6',
    {
      'CONNECT of an authority': request('CONNECT', 'x:80', 'x:80'),
      'CONNECT of a path': request('CONNECT', '/refused'),
      'CONNECT of an absolute target': request('CONNECT', 'http://x/'),
      'CONNECT with a length': 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\nhello',
      'CONNECT with a request behind': `${request('CONNECT', 'x:80', 'x:80')}${request('GET', '/smuggled')}`,
      'CONNECT in HTTP/1.0': 'CONNECT x:80 HTTP/1.0\r\n\r\n'
    },
    [400, 405, 501]
  ),
  ...refused(
    'RFC 9112, 3.2.1',
    gets({
      'a path without slash': 'refused',
      'a query alone': '?q',
      'a dot': '.',
      'a backslash': '\\refused',
      'an encoded slash': '%2Frefused'
    })
  ),
  ...refused(
    'RFC 9112, 3.2',
    gets({
      'a fragment': '/refused#f',
      'an empty fragment': '/refused#',
      'a fragment behind a query': '/refused?q#f',
      'a fragment alone': '#f',
      'a fragment of an absolute target': 'http://x/refused#f',
      'a fragment behind an authority': 'http://x#f',
      ...Object.fromEntries(CONTROLS.map((char) => [`${hex(char)} in a target`, `/refused${char}x`]))
    })
  ),
  ...refused(
    'RFC 9112, 3.2.2',
    gets({
      'another scheme': 'ftp://x/refused',
      'a scheme of sockets': 'ws://x/refused',
      'a file': 'file:///etc/passwd',
      'a scheme without authority': 'http:/refused',
      'a scheme without slashes': 'http:x',
      'no host': 'http://',
      'no host before a path': 'http:///refused',
      'no host before a port': 'http://:80/refused',
      'a user': 'http://u@x/refused',
      'a user and a password': 'http://u:p@x/refused',
      'an empty user': 'http://@x/refused',
      'a port that is none': 'http://x:y/refused',
      'a port too large': 'http://x:65536/refused'
    })
  ),
  ...refused('RFC 9112, 3.2.2', {
    'a host other than Host': request('GET', 'http://a/refused', 'b'),
    'a host with a port that Host lacks': request('GET', 'http://x:81/refused', 'x'),
    'a host without the port of Host': request('GET', 'http://x/refused', 'x:81'),
    'the port of https for http': request('GET', 'http://x:443/refused', 'x'),
    'the port of http for https': request('GET', 'https://x:80/refused', 'x'),
    'a Host with the port of http for https': request('GET', 'https://x/refused', 'x:80'),
    'a Host with the port of https for http': request('GET', 'http://x/refused', 'x:443'),
    'a host that Host begins with': request('GET', 'http://x/refused', 'x.y'),
    'a host and an empty Host': 'GET http://x/refused HTTP/1.1\r\nHost:\r\n\r\n',
    'a host and no Host': 'GET http://x/refused HTTP/1.1\r\n\r\n'
  })
]
