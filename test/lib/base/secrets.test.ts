import fc from 'fast-check'
import t from 'tap'
import { redactSecrets } from '../../../lib/base/secrets.js'

const HIDDEN: readonly (readonly [url: string, shown: string])[] = [
  ['/a?token=abc', '/a?token=***'],
  ['/a?x=1&access_token=abc&y=2', '/a?x=1&access_token=***&y=2'],
  ['/a?apiKey=abc', '/a?apiKey=***'],
  ['/a?API-KEY=abc', '/a?API-KEY=***'],
  ['/a?client_secret=abc', '/a?client_secret=***'],
  ['/a?password=a?b', '/a?password=***'],
  ['/a?pwd=x;user=me', '/a?pwd=***;user=me'],
  [
    '/a?X-Amz-Signature=ab&X-Amz-Credential=cd&X-Amz-Date=20261125',
    '/a?X-Amz-Signature=***&X-Amz-Credential=***&X-Amz-Date=20261125'
  ],
  ['/a?sig=x&sv=2020', '/a?sig=***&sv=2020'],
  ['/cb?code=abc&state=def', '/cb?code=***&state=***'],
  ['/a?PHPSESSID=abc', '/a?PHPSESSID=***'],
  ['/a?session=abc', '/a?session=***'],
  ['/a?%74oken=abc', '/a?%74oken=***'],
  ['/a?%2574oken=abc', '/a?%2574oken=***'],
  ['/a?user[password]=abc', '/a?user[password]=***'],
  ['/a;jsessionid=abc/b;v=1?q=2', '/a;jsessionid=***/b;v=1?q=2'],
  ['/a?next=/b?token=abc', '/a?next=***'],
  ['/a?next=%2Fb%3Ftoken%3Dabc', '/a?next=***'],
  ['/a?next=https%3A%2F%2Fme%3Apw%40host%2F', '/a?next=***'],
  ['http://me:pw@host/a', 'http://***@host/a'],
  ['https://host/a#access_token=abc', 'https://host/a#access_token=***']
]

t.test('what is secret by its name is hidden', async (t) => {
  for (const [url, shown] of HIDDEN) t.equal(redactSecrets(url), shown)
})

t.test('all else is left as it is', async (t) => {
  for (const url of [
    '/',
    '*',
    '',
    '/a?',
    '/a?q=1&page=2&keyword=shoes',
    '/a?token=',
    '/a?token',
    '/token/abc',
    '/a@b?c=d',
    '/a?mail=me@host.example&author=me&expr=a=b',
    '/%zz?%zz=%zz',
    'http://host:80/a?b=c',
    'host:443'
  ])
    t.equal(redactSecrets(url), url)
})

t.test('a secret shows nowhere, whatever stands around it', async () => {
  const around = fc.stringMatching(/^[a-z0-9/&;=?.%_-]{0,12}$/)
  fc.assert(
    fc.property(around, around, (before, after) => {
      const shown = redactSecrets(`/${before}?q=1&token=S3CRET&${after}`)
      return !shown.includes('S3CRET')
    })
  )
})
