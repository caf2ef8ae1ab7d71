import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import tap from 'tap'
import { batches, FILES, FOLDER } from './batches.js'
import { joinOutput } from './support/joined-output.js'

joinOutput()
// Most code here runs too seldom for V8 to gain by optimizing it as soon as it would: this is ten times its default.
setFlagsFromString('--interrupt-budget=1320000')

/** Runs one batch in this process: its files are looked for by its name, unless they are given. */
const [, , name] = process.argv
const given = process.env[FILES]
delete process.env[FILES]
for (const file of given?.split(',') ?? filesOf(name)) require(path.join(FOLDER, file))
tap.setTimeout(0)

function filesOf(name: string | undefined): readonly string[] {
  const all = batches()
  const batch = all.find((batch) => batch.name === name)
  if (!batch) throw new Error(`no such batch: ${all.map(({ name }) => name)}`)
  return batch.files
}
