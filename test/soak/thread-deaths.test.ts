import path from 'node:path'
import { test } from '../helper.js'
import { needs } from '../support/command.js'
import { ROOT, run } from '../support/processes.js'

test('threads that die under load lose their own requests and nothing else', async (t) => {
  if (!needs(t, 'wrk')) return
  const script = path.join(ROOT, 'dist/soak/thread-deaths/run.js')
  const { code, stdout, stderr } = await run([script, '4', '1'], {})
  t.equal(code, 0, `${stdout}${stderr}`)
  t.match(stdout, /^4 deaths of threads, [1-9]\d* requests answered, [1-9]\d* lost$/m)
  t.equal(stdout.match(/^ok {3}/gm)?.length, 5)
})
