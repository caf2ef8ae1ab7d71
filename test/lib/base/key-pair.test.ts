import { writeFileSync } from 'node:fs'
import { readKeyPair } from '../../../lib/base/key-pair.js'
import { type ConfigError, loadConfig } from '../../../lib/config/load.js'
import { test } from '../../helper.js'
import { authority, contents, openssl, selfSigned } from '../../support/certificates.js'

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
