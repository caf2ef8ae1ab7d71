import { readFileSync } from 'node:fs'
import { type StatusRange, statusRanges } from '../../base/values/values.js'
import type { ErrorPage } from '../../routing/options.js'
import { has, keys, listOf } from '../shapes/collections.js'
import { anyText, flag, setting, text } from '../shapes/scalars.js'
import { refined } from '../shapes/shape.js'

const FIRST_ERROR = 400
const CONTENTS = ['html', 'json', 'html-file', 'json-file']

const errorStatus = refined(setting(statusRanges()), (ranges, item, path, faults): readonly StatusRange[] => {
  if (ranges.some(({ from }) => from < FIRST_ERROR)) faults.add(item.at, `${path} must be from 400 to 599`)
  return ranges
})

/** The content of a file. */
const fileContent = text('the name of a file', (given, fault) => {
  try {
    return readFileSync(given, 'utf8')
  } catch (error) {
    fault(`must be a file that can be read, but "${given}" is not: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
})

const page = refined(
  keys(
    {
      status: {
        shape: errorStatus,
        description: 'Statuses: codes and ranges from 400 to 599.',
        isRequired: true
      },
      html: { shape: anyText, description: 'The page for clients that prefer HTML.' },
      'html-file': { shape: fileContent, description: 'A file with it.' },
      json: { shape: anyText, description: 'The body for clients that prefer JSON.' },
      'json-file': { shape: fileContent, description: 'A file with it.' },
      'of-backends': {
        shape: flag,
        description:
          "Whether answers of backends are replaced too, and not only the balancer's own (default)."
      }
    },
    {
      anyOf: CONTENTS.map((key) => ({ required: [key] })),
      not: { anyOf: [{ required: ['html', 'html-file'] }, { required: ['json', 'json-file'] }] }
    }
  ),
  (found, item, path, faults): ErrorPage[] => {
    const tell = (message: string) => faults.add(item.at, `${path} ${message}`)
    if (!CONTENTS.some((key) => has(item, key))) tell(`must have one of ${CONTENTS.join(', ')}`)
    for (const kind of ['html', 'json'])
      if (has(item, kind) && has(item, `${kind}-file`)) tell(`must have either ${kind} or ${kind}-file`)
    const html = found.html ?? found['html-file']
    const json = found.json ?? found['json-file']
    if (json !== undefined && !isJson(json)) tell('must have JSON in json, and its text is none')
    return (found.status ?? []).map(({ from, to }) => ({
      from,
      to,
      html,
      json,
      ofBackends: found['of-backends'] ?? false
    }))
  }
)

/** Pages in place of answers with an error status. */
export const errors = refined(listOf(page), (pages) => pages.flat())

function isJson(given: string): boolean {
  try {
    JSON.parse(given)
    return true
  } catch {
    return false
  }
}
