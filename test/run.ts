import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import t, { Spawn } from 'tap'
import { plainNode, ROOT } from './support/processes'

/**
 * Runs every test file in a Node as it is for users. tap by itself, for its coverage, has each of them load as much
 * again: `npx tap` without a file does so.
 */
const FOLDER = path.join(ROOT, 'dist/test')
const TIMEOUT_MS = 90_000

const bytesOf = (file: string) => statSync(path.join(FOLDER, file)).size

/** The largest first, so that the last ones to run are short. */
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .sort((a, b) => bytesOf(b) - bytesOf(a))

t.jobs = 6
t.setTimeout(0)
for (const file of files) {
  const [command, args] = plainNode([path.join(FOLDER, file)])
  t.sub(Spawn, { name: file, command, args, cwd: ROOT, timeout: TIMEOUT_MS, buffered: true })
}
