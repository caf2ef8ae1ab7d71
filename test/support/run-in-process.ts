import { Command, CommanderError } from 'commander'
import { complaint } from '../../bin/admin-commands.js'
import { balancerCommand } from '../../bin/balancer-command.js'
import type { Ended, Env } from './processes.js'

/** Runs `lb` in this process, in an environment that holds nothing but `env`. */
export async function runInProcess(args: readonly string[], env: Env): Promise<Ended> {
  const output = { stdout: '', stderr: '' }
  const program = new Command('lb').exitOverride().configureOutput({
    writeErr: (text) => {
      output.stderr += text
    }
  })
  balancerCommand(program)
  const [{ env: before, exitCode }, { log }] = [process, console]
  process.env = { ...env }
  console.log = (text: string) => {
    output.stdout += `${text}\n`
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return { code: Number(process.exitCode ?? 0), ...output }
  } catch (error) {
    if (!(error instanceof CommanderError)) output.stderr += complaint(error)
    return { code: 1, ...output }
  } finally {
    process.env = before
    process.exitCode = exitCode
    console.log = log
  }
}
