import path from 'node:path'
import tap from 'tap'
import { batches, FOLDER } from './batches.js'
import { joinOutput } from './support/joined-output.js'

joinOutput()

/** Runs one batch, named by its argument, in this process. */
const batch = batches().find(({ name }) => name === process.argv[2])
if (!batch) throw new Error(`no such batch: ${batches().map(({ name }) => name)}`)
for (const file of batch.files) require(path.join(FOLDER, file))
tap.setTimeout(0)
