import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The project's folder, seen from `dist/bench/`. */
export const projectRoot = path.join(__dirname, '..', '..')

/** A file of the compiled project, such as `compiled('bin/lb.js')`. */
export function compiled(file: string): string {
  return path.join(projectRoot, 'dist', file)
}

/** A file of `bench/` that the compiler does not carry over to `dist/`. */
export function benchSource(file: string): string {
  return path.join(projectRoot, 'bench', file)
}

/** The version in the package.json of a dependency, or of this project when no name is given. */
export function packageVersion(name?: string): string {
  const folder = name ? path.join(projectRoot, 'node_modules', name) : projectRoot
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}

/** The short hash of the commit that a folder has checked out, with `+` when files differ; empty outside of git. */
export function commit(folder: string): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty=+'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return ''
  }
}
