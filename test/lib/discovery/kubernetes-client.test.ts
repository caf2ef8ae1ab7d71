import path from 'node:path'
import { Child } from '../../support/child.js'
import { command, needs } from '../../support/command.js'
import { ApiServer } from '../../support/kubernetes/api-server.js'
import { endpoint, slice } from '../../support/kubernetes/slices.js'
import { writeKubeconfig } from '../../support/kubernetes/source-stage.js'
import { eventually, test } from '../../support/test.js'

test('kubectl reads the server of these tests as it reads one of Kubernetes', async (t) => {
  if (!needs(t, 'kubectl')) return
  const server = await ApiServer.start(t)
  for (let i = 0; i < 3; i++)
    server.store.put(
      slice({ name: `web-${i}`, endpoints: [endpoint(`10.0.0.${i}`), endpoint(`10.0.1.${i}`)] })
    )
  const folder = t.testdir()
  const config = writeKubeconfig(path.join(folder, 'config'), server)
  const args = ['--kubeconfig', config, '--cache-dir', path.join(folder, 'cache'), 'get', 'endpointslices']
  const list = await command(t, 'kubectl', [...args, '--chunk-size=2', '-o', 'json'])
  t.equal(list.code, 0, list.stderr)
  const { items } = JSON.parse(`${list.stdout}`) as { items: { metadata: { name: string } }[] }
  t.same(
    items.map(({ metadata }) => metadata.name),
    ['web-0', 'web-1', 'web-2']
  )
  const watch = new Child(
    t,
    [...args, '--watch-only', '--output-watch-events', '-o', 'json'],
    {},
    { program: 'kubectl' }
  )
  await eventually(() => server.watches.count === 1, 20_000)
  server.store.put(slice({ name: 'web-9' }))
  server.store.delete('web-9')
  await watch.untilPrinted('"DELETED"')
  t.same(watch.output.match(/"(ADDED|MODIFIED|DELETED)"/g), ['"ADDED"', '"DELETED"'])
})
