import path from 'node:path'
import t, { Spawn } from 'tap'
import { batches, FILES, FOLDER } from './batches.js'
import Reporter from './reporter.js'
import { joinOutput } from './support/joined-output.js'
import { plainNode, ROOT } from './support/processes.js'

/**
 * Runs every test file in a Node as it is for users. tap by itself, for its coverage, has each of them load as much
 * again: `npx tap` without a file does so. Nor need its command parse again what this has.
 */
joinOutput()
// No test trusts the authorities of the machine, and each Node would read them as it starts.
delete process.env.NODE_EXTRA_CA_CERTS
t.register()
t.pipe(new Reporter()).pipe(process.stdout)
t.jobs = 5
t.setTimeout(0)
for (const { name, files } of batches()) {
  const [command, args] = plainNode([path.join(FOLDER, 'batch.js'), name])
  // Not as arguments: tap names the folders of tests by those, and file systems have a limit.
  const env = { ...process.env, [FILES]: files.join() }
  t.sub(Spawn, { name, command, args, env, cwd: ROOT, timeout: 300_000, buffered: true })
}
