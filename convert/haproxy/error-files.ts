import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Findings } from '../findings.js'
import { changed } from '../rules/program.js'
import type { Rule } from '../rules/rule.js'
import type { Line } from './parse.js'

/** Rules with the pages that `errorfile` names in place of errors, as far as the files are there. */
export function withErrorFiles(
  rules: readonly Rule[],
  lines: readonly Line[],
  folder: string,
  findings: Findings
): Rule[] {
  const pages = lines
    .filter(({ name }) => name === 'errorfile')
    .flatMap((line) => pageOf(line, folder, findings))
  return pages.length === 0
    ? [...rules]
    : changed(rules, (does) => ({ ...does, errors: [...(does.errors ?? []), ...pages] }))
}

/** The body of a file, which is a whole response as it is sent. */
function pageOf(line: Line, folder: string, findings: Findings): { status: number; html: string }[] {
  const [status = '', file = ''] = line.args
  try {
    const text = readFileSync(path.resolve(folder, file), 'utf8')
    const html = text.replace(/^[\s\S]*?\r?\n\r?\n/, '')
    if (/^[45]\d\d$/.test(status) && html !== '') return [{ status: Number(status), html }]
  } catch {
    // It is named below.
  }
  findings.leftOut(line.at, line.text, 'a page is the body of a file that is there, for a status from 400')
  return []
}
