import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { readKeyPair } from '../../../lib/base/key-pair.js'
import { redactSecrets } from '../../../lib/base/secrets.js'
import { type ConfigError, loadConfig } from '../../../lib/config/load.js'
import { authority, contents, openssl, selfSigned } from '../../support/certificates.js'
import { test } from '../../support/test.js'

// Secrets

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

test('what is secret by its name is redacted', async (t) => {
  for (const [url, shown] of HIDDEN) t.equal(redactSecrets(url), shown)
})

test('all else is left as it is', async (t) => {
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

test('a secret shows nowhere, whatever stands around it', async () => {
  const around = fc.stringMatching(/^[a-z0-9/&;=?.%_-]{0,12}$/)
  fc.assert(
    fc.property(around, around, (before, after) => {
      const shown = redactSecrets(`/${before}?q=1&token=S3CRET&${after}`)
      return !shown.includes('S3CRET')
    })
  )
})

// Key pairs

test('a pair, its names and how long it is valid', async (t) => {
  const by = authority(t)
  if (!by) return
  const pair = readKeyPair(by.issue('A.test', '*.b.test'))
  t.same(pair.names, ['a.test', '*.b.test'])
  t.equal(Math.round((pair.validTo.getTime() - pair.validFrom.getTime()) / 86_400_000), 2)
  const old = selfSigned(by.folder, '/O=x/CN=old.test')
  t.same(readKeyPair(old).names, ['old.test'], 'of the subject, where none is listed')
})

test('what is wrong with files is said by their names, and at start with that of the variable', async (t) => {
  const by = authority(t)
  if (!by) return
  const [one, two] = [by.issue('one.test'), by.issue('two.test')]
  const [empty, broken, locked] = ['empty', 'broken', 'locked'].map((name) => `${by.folder}/${name}.pem`)
  writeFileSync(empty!, '')
  writeFileSync(broken!, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
  openssl(['ec', '-in', one.keyFile, '-aes256', '-passout', 'pass:secret', '-out', locked!])
  const faultsOf = (env: Record<string, string>) => {
    try {
      loadConfig(env)
      return []
    } catch (error) {
      return (error as ConfigError).faults
    }
  }
  const both = (cert: string, key: string) => faultsOf({ LB_TLS_CERT: cert, LB_TLS_KEY: key })
  t.same(both(`${one.certFile},${two.certFile}`, `${one.keyFile} ${two.keyFile}`), [])
  t.match(both(one.certFile, two.keyFile), [
    /^LB_TLS_KEY ".*1.key" is not the key of the certificate in ".*0.pem"$/
  ])
  t.match(both(`${one.certFile} ${two.certFile}`, one.keyFile), [
    /^LB_TLS_KEY must list as many .* 2, but has 1$/
  ])
  t.match(both(one.certFile, ''), [/^LB_TLS_KEY must list as many/])
  t.match(both(empty!, one.keyFile), [
    /^LB_TLS_CERT must name PEM files, but ".*empty.pem" has no certificate in PEM$/
  ])
  t.match(both(broken!, one.keyFile), [/^LB_TLS_CERT .*broken.pem" has a broken certificate$/])
  t.match(both(one.certFile, one.certFile), [
    /^LB_TLS_KEY must name PEM files, but ".*0.pem" has no private key in PEM$/
  ])
  t.match(both(one.certFile, locked!), [/^LB_TLS_KEY .*locked.pem" is encrypted/])
  t.match(both(by.folder, one.keyFile), [/^LB_TLS_CERT .* it is a folder$/])
  const pair = { LB_TLS_CERT: one.certFile, LB_TLS_KEY: one.keyFile, PORT: '8080' }
  t.match(faultsOf({ ...pair, LB_HTTPS_REDIRECT_PORT: '8080' }), [
    /^LB_HTTPS_REDIRECT_PORT must be another port than/
  ])
  t.same(faultsOf({ ...pair, LB_HTTPS_REDIRECT_PORT: '8081', LB_HTTPS_PORT: '443', LB_HSTS: '60' }), [])
  t.match(faultsOf({ LB_BACKEND_CERT: one.certFile, LB_BACKEND_KEY: two.keyFile }), [
    /^LB_BACKEND_KEY ".*" is not/
  ])
  t.match(faultsOf({ LB_BACKEND_CERT: one.certFile }), [/^LB_BACKEND_CERT needs LB_BACKEND_KEY$/])
  const secret = contents(one).key.split('\n')[1]!
  t.notOk(JSON.stringify(both(one.keyFile, one.certFile)).includes(secret), 'nothing of what is in them')
})
