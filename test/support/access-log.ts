import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually } from './test.js'

/** A line of the access log, as JSON. */
export type Entry = Record<string, unknown>

/** An access log in a file of its own. */
export class LogFile {
  static #count = 0
  readonly file: string

  constructor(t: Test) {
    // The balancer of one before it may still write.
    this.file = path.join(t.testdir({}), `access-${LogFile.#count++}.log`)
  }

  get text(): string {
    return fs.existsSync(this.file) ? fs.readFileSync(this.file, 'latin1') : ''
  }

  /** Waits until it has so many lines. */
  async lines(count: number): Promise<string[]> {
    await eventually(() => this.text.split('\n').length > count)
    return this.text.trimEnd().split('\n')
  }

  async entries(count: number): Promise<Entry[]> {
    return (await this.lines(count)).map((line) => JSON.parse(line))
  }
}
