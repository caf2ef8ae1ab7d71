import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import tap from 'tap'
import { ROOT } from './processes.js'

/** Packs the project into a folder. Without the scripts: they would build anew below the tests that run. */
export const packInto = (folder: string) => ['pack', '--ignore-scripts', '--pack-destination', folder]

let packing: Promise<string> | undefined

/** The packed package, the same for all tests of this process. */
export function packed(): Promise<string> {
  packing ??= pack()
  return packing
}

async function pack(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-packed-'))
  tap.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)('npm', [...packInto(folder), '--silent'], { cwd: ROOT })
  return path.join(folder, stdout.trim())
}
