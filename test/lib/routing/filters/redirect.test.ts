import t from 'tap'
import { redirectAnswer } from '../../../../lib/routing/filters/redirect.js'
import type { Redirect } from '../../../../lib/routing/options.js'

const AS_SENT: Redirect = {
  statusCode: 301,
  scheme: undefined,
  host: undefined,
  port: undefined,
  path: undefined
}

/** Where a redirect leads from a URL. */
function locationFrom(url: string, redirect: Partial<Redirect>): string {
  const [, scheme, authority = '', target = ''] = /^(https?):\/\/([^/]*)(.*)$/s.exec(url)!
  const request = { method: 'GET', scheme: scheme as 'http' | 'https', authority, target }
  const { fields } = redirectAnswer({ ...AS_SENT, ...redirect }, request)
  return fields[fields.indexOf('Location') + 1]!
}

t.test('what a redirect does not name stays', async (t) => {
  for (const url of [
    'http://a.test/x?y=%20',
    'https://a.test:8443/',
    'http://[::1]:81/a',
    'http://a.test//b.test/'
  ])
    t.equal(locationFrom(url, {}), url)
})

t.test(
  'the port is that which is named, of the scheme that is named, or the one that was sent',
  async (t) => {
    const cases: readonly (readonly [from: string, redirect: Partial<Redirect>, to: string])[] = [
      ['http://a/', { scheme: 'https' }, 'https://a/'],
      ['http://a:8080/', { scheme: 'https' }, 'https://a/'],
      ['http://a:8080/', { scheme: 'http' }, 'http://a/'],
      ['http://a/', { scheme: 'https', port: 8443 }, 'https://a:8443/'],
      ['http://a/', { scheme: 'https', port: 443 }, 'https://a/'],
      ['http://a/', { scheme: 'https', port: 80 }, 'https://a:80/'],
      ['https://a/', { port: 80 }, 'https://a:80/'],
      ['http://a:8080/', { port: 80 }, 'http://a/'],
      ['http://a:8080/', { host: 'b.test' }, 'http://b.test:8080/'],
      ['http://a:80/', {}, 'http://a/'],
      ['http://a:/', {}, 'http://a/'],
      ['https://a:443/', { host: 'b.test' }, 'https://b.test/'],
      ['http://[::1]:81/', { scheme: 'https' }, 'https://[::1]/'],
      ['http://[::1]/', { port: 81 }, 'http://[::1]:81/']
    ]
    for (const [from, redirect, to] of cases)
      t.equal(locationFrom(from, redirect), to, `${from} ${JSON.stringify(redirect)}`)
  }
)

t.test('nothing in a target ends a line, a quoted text or a tag', async (t) => {
  t.equal(
    locationFrom('http://a/b"<c>\r\nX: 1\0 {}|\\^`', {}),
    'http://a/b%22%3Cc%3E%0D%0AX:%201%00%20%7B%7D%7C%5C%5E%60'
  )
  t.equal(locationFrom('http://a/\xe9\u010a%e9', {}), 'http://a/%E9%C4%8A%e9')
})

t.test('a status that is not named is temporary, and right for the method', async (t) => {
  const statusOf = (method: string, statusCode?: 301 | 303) =>
    redirectAnswer({ ...AS_SENT, statusCode }, { method, scheme: 'http', authority: 'a', target: '/' })
      .statusCode
  t.same(
    ['GET', 'HEAD', 'POST', 'PUT', 'X'].map((method) => statusOf(method)),
    [302, 302, 307, 307, 307]
  )
  t.same([statusOf('POST', 303), statusOf('POST', 301)], [303, 301])
})
