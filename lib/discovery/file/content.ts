import type * as Yaml from 'js-yaml'
import { entryText } from '../spec/entry-text.js'

/**
 * The entries that a file lists, in YAML or JSON: a list, or a map whose `backends` is one. Each is a text as in
 * `LB_BACKENDS`, or an object with `address` and options. Calls `fault` for each error.
 */
export function entriesIn(text: string, fault: (message: string) => void): string[] {
  // Loaded only where a file is read.
  const { load } = require('js-yaml') as typeof Yaml
  let content: unknown
  try {
    content = load(text)
  } catch (error) {
    fault(`is not valid YAML: ${(error as Error).message.split('\n', 1)[0]}`)
    return []
  }
  const list = Array.isArray(content) ? content : (content as { backends?: unknown } | null)?.backends
  if (Array.isArray(list)) return list.flatMap((entry) => entryText(entry, fault) ?? [])
  fault('must be a list of backends, or a map whose backends is one')
  return []
}
