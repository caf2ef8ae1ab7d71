import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { load, loadAll } from 'js-yaml'
import type { Deployment } from 'kubernetes-types/apps/v1'
import type { Service, ServiceAccount } from 'kubernetes-types/core/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { Role, RoleBinding } from 'kubernetes-types/rbac/v1'
import { closeGraceDelay } from '../../fastify.config.js'
import { loadConfig } from '../../lib/config/load.js'
import { eventually, test } from '../helper.js'
import { Authority } from '../support/certificates.js'
import { Child } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { ApiServer } from '../support/kubernetes/api-server.js'
import { endpoint, slice } from '../support/kubernetes/slices.js'
import { LB, ROOT } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'

const FOLDER = path.join(ROOT, 'deploy/kubernetes')
const read = (name: string) => readFileSync(path.join(FOLDER, name), 'utf8')
const KUSTOMIZATION = load(read('kustomization.yaml')) as { resources: string[]; images: { name: string }[] }

interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const RESOURCES = KUSTOMIZATION.resources.flatMap((name) => loadAll(read(name)) as Resource[])
const found = <T>(kind: string) => RESOURCES.find((resource) => resource.kind === kind) as T
const DEPLOYMENT = found<Deployment>('Deployment')
const POD = DEPLOYMENT.spec!.template
const [CONTAINER] = POD.spec!.containers

/** Where the type of a kind is. */
const moduleOf = (apiVersion: string) =>
  `kubernetes-types/${apiVersion.replace(/^v1$/, 'core/v1').replace(/\.[a-z0-9.]+\//, '/')}`

test('each resource is as the API of Kubernetes describes it', async (t) => {
  const folder = t.testdir()
  const check = async (resources: readonly Resource[]) => {
    const lines = resources.map(
      (resource, i) =>
        `import type { ${resource.kind} as T${i} } from '${moduleOf(resource.apiVersion)}'\nexport const r${i}: T${i} = ${JSON.stringify(resource)}`
    )
    const file = path.join(ROOT, 'dist/test/deploy', `${path.basename(folder)}.ts`)
    writeFileSync(file, lines.join('\n'))
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      ''
    ]
    const { code, stdout } = await command(t, path.join(ROOT, 'node_modules/.bin/tsc'), [...options, file])
    return { code, told: `${stdout}` }
  }
  t.same(await check(RESOURCES), { code: 0, told: '' })
  const spelled = JSON.parse(
    JSON.stringify(RESOURCES).replace('"readOnlyRootFilesystem"', '"readonlyRootFilesystem"')
  )
  t.match(await check(spelled), { code: 1, told: /'?readonlyRootFilesystem/ }, 'it would be told')
})

test('kustomize makes them those of one namespace', async (t) => {
  if (!needs(t, 'kubectl')) return
  const { code, stdout, stderr } = await command(t, 'kubectl', ['kustomize', FOLDER])
  t.equal(code, 0, stderr)
  const made = loadAll(`${stdout}`) as (Resource & { metadata: { namespace: string } })[]
  t.same(made.map(({ kind }) => kind).sort(), RESOURCES.map(({ kind }) => kind).sort())
  for (const { kind, metadata } of made) t.equal(metadata.namespace, 'default', kind)
  const binding = made.find(({ kind }) => kind === 'RoleBinding') as unknown as RoleBinding
  t.match(binding.subjects, [{ kind: 'ServiceAccount', name: 'fairlead', namespace: 'default' }])
  t.match(`${stdout}`, 'image: registry.example/fairlead:0.1.0')
})

test('what refers to something finds it', async (t) => {
  const labels = POD.metadata!.labels
  t.same(DEPLOYMENT.spec!.selector.matchLabels, labels)
  t.same(found<PodDisruptionBudget>('PodDisruptionBudget').spec!.selector!.matchLabels, labels)
  for (const { labelSelector } of POD.spec!.topologySpreadConstraints!)
    t.same(labelSelector!.matchLabels, labels)
  const service = found<Service>('Service').spec!
  t.same(service.selector, labels)
  t.same(
    service.ports?.map(({ targetPort }) => targetPort),
    CONTAINER!.ports?.map(({ name }) => name)
  )
  t.same(
    KUSTOMIZATION.images.map(({ name }) => name),
    [CONTAINER!.image]
  )
  const [image] = [
    /^ENV .*PORT=(\d+)$/m.exec(readFileSync(path.join(ROOT, 'deploy/Dockerfile'), 'utf8'))?.[1]
  ]
  t.equal(`${CONTAINER!.ports![0]!.containerPort}`, image)
  t.equal(POD.spec!.serviceAccountName, found<ServiceAccount>('ServiceAccount').metadata!.name)
  t.match(found<RoleBinding>('RoleBinding').roleRef, {
    kind: 'Role',
    name: found<Role>('Role').metadata!.name
  })
})

test('it may do what it needs, and nothing else', async (t) => {
  t.same(found<Role>('Role').rules, [
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }
  ])
  const user = { runAsNonRoot: true, runAsUser: 65_534, runAsGroup: 65_534 }
  t.match(POD.spec!.securityContext, { ...user, seccompProfile: { type: 'RuntimeDefault' } })
  t.same(CONTAINER!.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] }
  })
  t.match(readFileSync(path.join(ROOT, 'deploy/Dockerfile'), 'utf8'), /^USER 65534:65534$/m)
  const sleep = Number(CONTAINER!.lifecycle!.preStop!.exec!.command![1])
  t.ok(POD.spec!.terminationGracePeriodSeconds! * 1000 > sleep * 1000 + closeGraceDelay)
})

/** In a mount namespace of its own: the root is read-only, and the service account is where the kubelet puts it. */
const AS_IN_A_POD = `
set -e
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cp "$ACCOUNT/token" "$ACCOUNT/ca.crt" /run/secrets/kubernetes.io/serviceaccount/
[ "$(readlink -f /var/run)" = /run ]
mount -o remount,ro /run
mount -o remount,ro,bind /
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all "$@"
`

test('it runs so: as nobody, with nothing to write to, by its service account', async (t) => {
  if (!['unshare', 'setpriv', 'openssl'].every((name) => needs(t, name))) return
  const can = await command(t, 'unshare', ['--mount', 'mount', '-o', 'remount,ro,bind', '/'])
  if (can.code !== 0) {
    t.pass('nobody may mount here', { skip: true })
    return
  }
  const authority = new Authority(t.testdir())
  const { keyFile, certFile } = authority.issue('kubernetes.default.svc')
  const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  const server = await ApiServer.start(t, { tls, tokens: new Set(['t0ken']) })
  const backend = await scripted(t, answering(OK))
  const ports = [{ name: 'http', port: Number(backend.address.split(':')[1]) }]
  server.store.put(slice({ name: 'app-1', service: 'app', endpoints: [endpoint('127.0.0.1')], ports }))
  writeFileSync(path.join(authority.folder, 'token'), 't0ken')
  writeFileSync(path.join(authority.folder, 'ca.crt'), authority.pem)
  const values = new Map(CONTAINER!.env!.map(({ name, value }) => [name, value ?? '']))
  values.set('LB_BACKENDS', values.get('LB_BACKENDS')!.replace('$(NAMESPACE)', 'shop'))
  const env = { ...Object.fromEntries(values), NAMESPACE: 'shop', NODE_ENV: 'production', PORT: '0' }
  t.equal(loadConfig(env).sources[0]?.name, 'k8s://shop/app:http')
  const inCluster = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${server.port}` }
  const child = new Child(
    t,
    ['--mount', 'sh', '-c', AS_IN_A_POD, 'sh', process.execPath, LB],
    { ...env, ...inCluster, ACCOUNT: authority.folder },
    { program: 'unshare' }
  )
  const port = await child.listening()
  const probes = [CONTAINER!.startupProbe, CONTAINER!.livenessProbe, CONTAINER!.readinessProbe]
  for (const probe of probes) {
    const { path: at } = probe!.httpGet!
    const status = async () => (await fetch(`http://127.0.0.1:${port}${at}`)).status
    await eventually(async () => (await status()) === 200)
  }
  t.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'ok')
  t.notMatch(child.output, /"level":(40|50|60)/)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})
