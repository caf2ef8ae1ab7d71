import t from 'tap'
import { whyNoSuccessor } from '../../../lib/service/supervision.js'

t.test('a container ends with its first process, or with the only child of its init', async (t) => {
  const nameOf = (name: string) => () => name
  t.match(whyNoSuccessor({ pid: 1, ppid: 0 }, nameOf('')), /number 1/)
  t.match(whyNoSuccessor({ pid: 7, ppid: 1 }, nameOf('docker-init')), /docker-init ends the container/)
  for (const [ppid, name] of [
    [1, 'systemd'],
    [1, 'init'],
    [1, ''],
    [20, 'tini']
  ] as const)
    t.equal(whyNoSuccessor({ pid: 30, ppid }, nameOf(name)), undefined)
  t.equal(whyNoSuccessor(process), undefined, 'and these tests run under none')
})
