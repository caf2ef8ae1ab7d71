import path from 'node:path'
import type { Statistics } from '../../lib/observe/statistics.js'
import { eventually, test } from '../helper.js'
import { lb } from '../support/child.js'
import { ApiServer } from '../support/kubernetes/api-server.js'
import { Pods } from '../support/kubernetes/pods.js'
import { writeKubeconfig } from '../support/kubernetes/source-stage.js'
import { Visitors } from '../support/kubernetes/visitors.js'
import { sleep } from '../support/test.js'

/** For another thread to have heard of what the first one knows. */
const HEARD_MS = 200

test('in all threads sessions stay with a pod that is about to end, until it serves no more', async (t) => {
  const api = await ApiServer.start(t)
  const pods = await Pods.create(t, api)
  for (let i = 0; i < 2; i++) await pods.start()
  const child = lb(t, ['-p', '0', '-b', 'k8s://shop/web:http'], {
    LB_THREADS: '2',
    LB_KUBECONFIG: writeKubeconfig(path.join(t.testdir(), 'config'), api),
    LB_STICKY_COOKIE: 'lb',
    LB_STICKY_SECRET: 'sixteen or more characters'
  })
  const port = await child.listening()
  const stateOf = async (address: string) => {
    const { backends } = (await (await fetch(`http://127.0.0.1:${port}/__lb/stats`)).json()) as Statistics
    return backends.find((backend) => backend.address === address)?.state
  }
  const visitors = new Visitors(port, pods, 8)
  const [old] = pods.names
  const address = pods.addressOf(old!)
  const young = pods.addressOf(await pods.start())
  await eventually(async () => (await stateOf(young)) === 'healthy')
  pods.set(old!, 'terminating')
  await eventually(async () => (await stateOf(address)) === 'terminating')
  await sleep(HEARD_MS)
  const others = visitors.startedOn(old!)
  await sleep(HEARD_MS)
  t.equal(visitors.startedOn(old!), others, 'no session begins there, in either thread')
  pods.set(old!, 'stopped')
  await eventually(async () => (await stateOf(address)) === undefined)
  await sleep(HEARD_MS)
  await pods.end(old!)
  await visitors.stop()
  t.same(visitors.faults, [])
  t.ok(visitors.moves > 0)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})
