import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const FEW = 64

/** Run where few files may be open. */
const SCRIPT = `
const { createServer } = require('node:net')
const { closeSync, openSync } = require('node:fs')
const { duplicateListening } = require(${JSON.stringify(path.join(__dirname, '../../../lib/threads/listening-handle.js'))})
createServer().listen(0, '127.0.0.1', async function () {
  const open = []
  try { for (;;) open.push(openSync('/dev/null')) } catch {}
  const failure = await duplicateListening(this).catch((error) => error.message)
  for (const fd of open) closeSync(fd)
  const { fd } = await duplicateListening(this)
  console.log(JSON.stringify([failure, fd !== this._handle.fd]))
  process.exit()
})`

t.test('a shortage of descriptors is named, and the next attempt succeeds', async (t) => {
  const limited = ['-c', `ulimit -n ${FEW} && exec "$0" "$@"`, process.execPath, '-e', SCRIPT]
  const { stdout } = await run('/bin/sh', limited, { env: {} })
  t.match(JSON.parse(stdout), [/EMFILE/, true])
})
