import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

// Debian keeps servers out of an ordinary user's PATH.
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin']

/** The full path of an installed command, or undefined. */
export function findCommand(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...systemFolders]
  return folders.map((folder) => path.join(folder, name)).find(isExecutable)
}

// Those whose name is another.
const debianPackages: Record<string, string> = { taskset: 'util-linux', h2load: 'nghttp2-client' }

/** The full path of a command that the bench cannot do without. */
export function requireCommand(command: string): string {
  const found = findCommand(command)
  if (found) return found
  throw new Error(`${command} is not installed. On Debian: apt install ${debianPackages[command] ?? command}`)
}

/** The first version number that a command prints; the exit code does not matter (wrk's is 1). */
export function versionOf(command: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return firstVersion(`${stdout}${stderr}`)
}

/** The first dotted number in a text, or `?`. */
export function firstVersion(text: string): string {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? '?'
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
