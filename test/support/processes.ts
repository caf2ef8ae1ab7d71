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

/** Runs a script of Node to its end, in an environment that holds nothing but `env`. */
export function run(args: readonly string[], env: Env, cwd = ROOT): Promise<Ended> {
  const options = { env, cwd, timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
      const code = error ? (error.code ?? null) : 0
      resolve({ code: typeof code === 'number' ? code : null, stdout, stderr })
    })
  })
}
