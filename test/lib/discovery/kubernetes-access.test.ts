import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { chooseAccess } from '../../../lib/discovery/kubernetes/access/choose.js'
import { InCluster } from '../../../lib/discovery/kubernetes/access/in-cluster.js'
import { Kubeconfig } from '../../../lib/discovery/kubernetes/access/kubeconfig.js'
import { Authority } from '../../support/certificates.js'
import { needs } from '../../support/command.js'
import { ApiServer } from '../../support/kubernetes/api-server.js'
import { endpoint, slice } from '../../support/kubernetes/slices.js'
import { followed, type KubeconfigGiven, writeKubeconfig } from '../../support/kubernetes/source-stage.js'
import { eventually, test } from '../../support/test.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const SOMEWHERE = { url: 'https://api.example:6443' }

test('in a pod its service account gives access, as its files are then', async (t) => {
  const folder = t.testdir({ token: 'one\n', 'ca.crt': 'PEM' })
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }
  const access = new InCluster(env, folder)
  t.same(await access.read(), {
    url: 'https://10.96.0.1:6443',
    authorization: 'Bearer one',
    tls: { ca: 'PEM' }
  })
  writeFileSync(path.join(folder, 'token'), 'two')
  t.equal((await access.read()).authorization, 'Bearer two')
  writeFileSync(path.join(folder, 'token'), '')
  await t.rejects(access.read(), { message: `${path.join(folder, 'token')} is empty` })
  const v6 = new InCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, t.testdir({ token: 'x', 'ca.crt': 'y' }))
  t.equal((await v6.read()).url, 'https://[fd00::1]:443')
  await t.rejects(new InCluster(env, '/nowhere').read(), {
    message: /^\/nowhere\/\S+ cannot be read: ENOENT$/
  })
})

test('which access is used', async (t) => {
  const folder = t.testdir()
  const write = (name: string, url: string) => writeKubeconfig(path.join(folder, name), { url })
  const [set, listed] = [write('set', 'https://set'), write('listed', 'https://listed')]
  const pod = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
  const url = async (kubeconfig: string, env: object) =>
    (await chooseAccess(kubeconfig, { ...env }).read(false)).url
  t.equal(await url(set, { ...pod, KUBECONFIG: listed }), 'https://set')
  t.equal(await url('', { ...pod, KUBECONFIG: listed }), 'https://listed')
  t.ok(chooseAccess('', pod) instanceof InCluster)
  t.ok(chooseAccess('', {}) instanceof Kubeconfig)
})

test('what a kubeconfig may say of its cluster and user', async (t) => {
  const folder = t.testdir({ ca: 'CA', cert: 'CERT', key: 'KEY', token: 'from a file\n' })
  const file = path.join(folder, 'config')
  const read = (given: KubeconfigGiven) =>
    new Kubeconfig([writeKubeconfig(file, { url: 'https://api.example/k8s/clusters/c-1/' }, given)]).read(
      false
    )
  const url = 'https://api.example/k8s/clusters/c-1'
  t.same(await read({}), { url, tls: {} })
  t.same(
    await new Kubeconfig([writeKubeconfig(file, { url: 'http://api' }, { user: { token: 'text' } })]).read(
      false
    ),
    { url: 'http://api', tls: {} },
    'credentials only go over TLS'
  )
  t.same(await read({ user: { token: 'text' } }), { url, authorization: 'Bearer text', tls: {} })
  t.same(await read({ user: { token: 'text', tokenFile: 'token' } }), {
    url,
    authorization: 'Bearer from a file',
    tls: {}
  })
  const tls = { ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'api' }
  const inFiles = {
    cluster: { 'certificate-authority': 'ca', 'tls-server-name': 'api' },
    user: { 'client-certificate': path.join(folder, 'cert'), 'client-key': 'key' }
  }
  const asData = {
    cluster: { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'api' },
    user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') }
  }
  for (const given of [inFiles, asData]) t.same(await read(given), { url, tls })
  t.same(await read({ cluster: { 'insecure-skip-tls-verify': true } }), {
    url,
    tls: { rejectUnauthorized: false }
  })
  for (const [given, told] of [
    [{ cluster: { 'proxy-url': 'http://p' } }, 'proxy-url is not supported'],
    [{ user: { username: 'u', password: 'secret' } }, 'username is not supported'],
    [{ user: { as: 'root' } }, 'as is not supported'],
    [{ user: { 'auth-provider': { name: 'gcp' } } }, 'auth-provider is not supported'],
    [{ user: { token: 7 } }, 'user "me" is wrong: token'],
    [{ cluster: { server: 'api.example' } }, 'cluster "here" is wrong: server'],
    [{ user: { tokenFile: 'gone' } }, 'gone cannot be read: ENOENT']
  ] as const)
    await t.rejects(read(given), { message: new RegExp(`${told}$`) }, told)
})

test('kubeconfigs are merged, and what is wrong with one has no secrets in it', async (t) => {
  const folder = t.testdir({
    a: 'current-context: test\nusers: [{ name: me, user: { token: first } }]',
    wrong: 'users: [{ name: me, user: { token: s3cret } }]\n  : : [',
    none: '{}',
    lost: 'current-context: gone'
  })
  const at = (name: string) => path.join(folder, name)
  writeKubeconfig(at('b'), SOMEWHERE, { user: { token: 'second' } })
  t.match(await new Kubeconfig([at('a'), at('b')]).read(false), {
    url: 'https://api.example:6443',
    authorization: 'Bearer first'
  })
  for (const [name, message] of [
    ['wrong', `${at('wrong')} is not valid YAML`],
    ['none', `${at('none')}: current-context is not set`],
    ['lost', `${at('lost')}: contexts has no "gone"`],
    ['nowhere', `${at('nowhere')} cannot be read: ENOENT`]
  ] as const)
    await t.rejects(new Kubeconfig([at(name)]).read(false), { message })
})

/** A plugin that counts its runs in a file, and prints what it is told to. */
const PLUGIN = `#!/bin/sh
echo run >> "$COUNT_FILE"
printf '%s' "$KUBERNETES_EXEC_INFO" > "$COUNT_FILE.info"
env > "$COUNT_FILE.env"
[ "$1" = fail ] && { echo s3cret >&2; exit 3; }
cat "$COUNT_FILE.answer"
`

test('a plugin is asked for credentials, and again when they expire or are rejected', async (t) => {
  if (!needs(t, 'sh')) return
  const folder = t.testdir()
  mkdirSync(path.join(folder, 'bin'))
  writeFileSync(path.join(folder, 'bin/plugin'), PLUGIN, { mode: 0o755 })
  const counted = path.join(folder, 'count')
  const apiVersion = 'client.authentication.k8s.io/v1'
  const exec = { apiVersion, command: './bin/plugin', env: [{ name: 'COUNT_FILE', value: counted }] }
  const at = (user: object) => writeKubeconfig(path.join(folder, 'config'), SOMEWHERE, { user })
  const answer = (status: unknown) =>
    writeFileSync(`${counted}.answer`, JSON.stringify({ apiVersion, kind: 'ExecCredential', status }))
  const runs = () => readFileSync(counted, 'utf8').split('\n').length - 1
  const kubeconfig = new Kubeconfig([at({ exec })])
  answer({ token: 'one', expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() })
  t.equal((await kubeconfig.read(false)).authorization, 'Bearer one')
  t.equal((await kubeconfig.read(false)).authorization, 'Bearer one')
  t.equal(runs(), 1)
  t.match(JSON.parse(readFileSync(`${counted}.info`, 'utf8')), {
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false }
  })
  t.notMatch(readFileSync(`${counted}.env`, 'utf8'), /^LB_/m)
  answer({ token: 'two', expirationTimestamp: '2020-01-01T00:00:00Z' })
  t.equal((await kubeconfig.read(true)).authorization, 'Bearer two', 'the first was rejected')
  answer({ clientCertificateData: 'CERT', clientKeyData: 'KEY' })
  t.same((await kubeconfig.read(false)).tls, { cert: 'CERT', key: 'KEY' }, 'the second has expired')
  t.equal(runs(), 3)
  answer(undefined)
  for (const [more, message] of [
    [{}, 'has not printed an ExecCredential'],
    [{ args: ['fail'] }, 'has failed: 3'],
    [{ command: 'no-such-plugin' }, 'no-such-plugin has failed: ENOENT'],
    [{ interactiveMode: 'Always' }, 'wants to ask somebody, and nobody is there'],
    [{ apiVersion: 'client.authentication.k8s.io/v0' }, 'is wrong: exec.apiVersion']
  ] as const) {
    at({ exec: { ...exec, ...more } })
    await t.rejects(kubeconfig.read(true), { message: new RegExp(`${message}$`) }, message)
  }
})

test('over TLS, with a token that rotates', async (t) => {
  if (!needs(t, 'openssl')) return
  const authority = new Authority(t.testdir())
  const { keyFile, certFile } = authority.issue('api.example')
  const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  const tokens = new Set(['one'])
  const server = await ApiServer.start(t, { tls, tokens })
  const tell = (address: string) => server.store.put(slice({ name: 'web-1', endpoints: [endpoint(address)] }))
  tell('10.0.0.1')
  const tokenFile = path.join(authority.folder, 'token')
  writeFileSync(tokenFile, 'one\n')
  const ca = { 'certificate-authority-data': base64(authority.pem) }
  const told = followed(t, server, {}, { cluster: ca, user: { tokenFile } })
  await eventually(() => server.watches.count === 1)
  t.same(told.shown(), ['10.0.0.1'])
  tokens.clear()
  tokens.add('two')
  server.cut()
  await eventually(() => told.failure() === 'status 401: Unauthorized')
  writeFileSync(tokenFile, 'two')
  tell('10.0.0.2')
  await eventually(() => told.shown()?.[0] === '10.0.0.2')
  t.equal(told.failure(), undefined)
  const distrusted = followed(t, server, {}, { user: { token: 'two' } })
  const other = followed(t, server, {}, { cluster: { ...ca, 'tls-server-name': 'other.example' } })
  await eventually(() => distrusted.failure() && other.failure())
  t.equal(distrusted.failure(), 'certificate not trusted (unknown authority)')
  t.equal(other.failure(), 'certificate is for another name')
})
