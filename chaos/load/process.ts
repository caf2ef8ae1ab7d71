import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

import { compiled } from '../../bench/project.js'
import type { LoadSetting } from './loops.js'
import type { Samples } from './samples.js'

/** The load generator as a process, so that it and this process do not wait for each other. */
export class LoadProcess<Result = Samples> {
  readonly #process: ChildProcess

  constructor(setting: LoadSetting) {
    this.#process = fork(compiled('chaos/load.js'), [], {
      env: { PATH: process.env.PATH },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    this.#process.send(setting)
  }

  /** Ends the load and returns what was measured, once the last request has ended. */
  async stop(): Promise<Result> {
    const answer = once(this.#process, 'message')
    const exit = once(this.#process, 'exit')
    this.#process.send('stop')
    const samples = await Promise.race([
      answer.then(([message]) => message as Result),
      exit.then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`)))
    ])
    await exit
    return samples
  }
}
