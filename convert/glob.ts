import { readdirSync } from 'node:fs'
import path from 'node:path'

/** Files by an absolute path, in which `*` and `?` may stand for characters of a name. */
export function matching(pattern: string): string[] {
  let found = [path.parse(pattern).root]
  for (const part of pattern.split(path.sep).filter(Boolean)) {
    const isPattern = /[*?[]/.test(part)
    const regexp = new RegExp(
      `^${part
        .replace(/[.+^${}()|\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`
    )
    found = found.flatMap((folder) =>
      namesIn(folder)
        .filter((name) => (isPattern ? regexp.test(name) && !name.startsWith('.') : name === part))
        .map((name) => path.join(folder, name))
    )
  }
  return found.sort()
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
