import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Directive, textOf } from '../directive.js'
import { ConvertError, type Findings } from '../findings.js'
import { matching } from '../glob.js'
import { parseNginx } from './parse.js'

const MAX_DEPTH = 16

/** Directives with those of the files that they include in the place of each `include`. */
export function withIncludes(
  directives: readonly Directive[],
  folder: string,
  findings: Findings,
  depth = 0
): Directive[] {
  return directives.flatMap((directive) => {
    const { name, args, block, at } = directive
    if (name !== 'include') {
      if (!block) return [directive]
      return [{ ...directive, block: withIncludes(block, folder, findings, depth) }]
    }
    if (depth >= MAX_DEPTH) throw new ConvertError('files include each other without end', at)
    // What a file is served as says nothing where no files are.
    if (/mime\.types$/.test(args[0] ?? '')) return []
    const files = filesOf(args[0] ?? '', folder)
    if (files.length === 0 && !/[*?[]/.test(args[0] ?? ''))
      findings.leftOut(at, textOf(directive), 'there is no such file')
    return files.flatMap((file) => {
      const shown = path.relative(folder, file)
      return withIncludes(parseNginx(readFileSync(file, 'utf8'), shown), folder, findings, depth + 1)
    })
  })
}

/** Files by a path or a pattern, which is relative to the folder of the main file; one in `/etc/nginx` may be a copy. */
function filesOf(pattern: string, folder: string): string[] {
  const inFolder = pattern.replace(/^(?:\/usr\/local)?\/etc\/nginx\//, '')
  for (const place of new Set([path.resolve(folder, pattern), path.resolve(folder, inFolder)])) {
    const files = matching(place)
    if (files.length > 0) return files
  }
  return []
}
