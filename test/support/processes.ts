import { execFile } from 'node:child_process'
import path from 'node:path'

/** The project's folder, from where the compiled tests lie. */
export const ROOT = path.join(__dirname, '../../..')
export const LB = path.join(ROOT, 'dist/bin/lb.js')
export const BE = path.join(ROOT, 'dist/bin/be.js')
/** What `npx fastify` runs. */
export const FASTIFY = 'node_modules/fastify-cli/cli.js'

export type Env = Readonly<Record<string, string>>

export interface Ended {
  /** Null if it had to be killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const PATIENCE_MS = 30_000

/**
 * A command that runs Node as it is: tap has each Node that a test starts load what follows its coverage, which takes
 * longer than the start itself.
 */
export function plainNode(args: readonly string[], env: Env = {}): [program: string, args: string[]] {
  return ['env', [`NODE_OPTIONS=${env.NODE_OPTIONS ?? ''}`, process.execPath, ...args]]
}

/** Runs a script of Node to its end, in an environment that holds nothing but `env` and the path. */
export function run(args: readonly string[], env: Env, cwd = ROOT): Promise<Ended> {
  const options = {
    env: { PATH: process.env.PATH!, ...env },
    cwd,
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL'
  } as const
  const [program, programArgs] = plainNode(args, env)
  return new Promise((resolve) => {
    execFile(program, programArgs, options, (error, stdout, stderr) => {
      const code = error ? (error.code ?? null) : 0
      resolve({ code: typeof code === 'number' ? code : null, stdout, stderr })
    })
  })
}
