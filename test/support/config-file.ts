import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { type Config, loadConfig } from '../../lib/config/load.js'
import { faultsOf } from './config.js'

type Env = Readonly<Record<string, string>>

/** A file of settings in a folder of its own, which is removed at the end of the test. */
export class SettingsFile {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'fairlead-config-'))
  readonly name = path.join(this.folder, 'lb.yml')

  constructor(t: Test) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** The configuration with this content of the file. */
  load(text: string, env: Env = {}): Config {
    writeFileSync(this.name, text)
    return loadConfig({ LB_CONFIG: this.name, ...env })
  }

  /** What is wrong with this content, with places without the name of the file: `… (2:5)`. */
  faults(text: string, env: Env = {}): string[] {
    writeFileSync(this.name, text)
    return faultsOf({ LB_CONFIG: this.name, ...env }).map((fault) => fault.replaceAll(`${this.name}:`, ''))
  }
}
