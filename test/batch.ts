import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import tap from 'tap'
import { batches, FOLDER } from './batches.js'
import { joinOutput } from './support/joined-output.js'

joinOutput()
// Most code here runs too seldom for V8 to gain by optimizing it as soon as it would: this is ten times its default.
setFlagsFromString('--interrupt-budget=1320000')

/** Runs one batch, named by its argument, in this process. */
const batch = batches().find(({ name }) => name === process.argv[2])
if (!batch) throw new Error(`no such batch: ${batches().map(({ name }) => name)}`)
for (const file of batch.files) require(path.join(FOLDER, file))
tap.setTimeout(0)
