import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { oneOf, parsed } from '../../base/values/values.js'
import { type AccessLogConfig, FORMATS, type LogSelection } from '../../observe/access-log/options.js'
import { type ValuesOf, variable } from '../variable.js'

const SHARE = /^(\d{1,2}(?:\.\d{1,3})?|100)%$/

/** The variables of the access log. */
export const accessLogVariables = {
  LB_ACCESS_LOG: variable(logSelection(), {
    description:
      'Which requests are logged: `off`, `all`, `errors` (those without a complete answer of a backend with a status ' +
      'below 500), a random share such as `5%`, or `errors+5%` for all errors and that share of the others.',
    fallback: 'off',
    flags: '--access-log <which>'
  }),
  LB_ACCESS_LOG_FORMAT: variable(oneOf(FORMATS), {
    description: "Format of the access log: `json`, or `combined`, which is Apache's.",
    fallback: 'json',
    flags: '--access-log-format <format>'
  }),
  LB_ACCESS_LOG_FILE: variable(file(), {
    description:
      'File that the access log is appended to; if it is moved away, a new one is created within a second. Empty for ' +
      'standard output.',
    fallback: '',
    flags: '--access-log-file <file>'
  })
}

type Values = ValuesOf<typeof accessLogVariables>

/** Options of the access log; undefined if there is none. */
export function accessLogOf(values: Values): AccessLogConfig | undefined {
  const { errors, share } = values.LB_ACCESS_LOG
  if (!errors && share === 0) return undefined
  return { errors, share, format: values.LB_ACCESS_LOG_FORMAT, file: values.LB_ACCESS_LOG_FILE }
}

function logSelection() {
  return parsed<LogSelection>((text, fault) => {
    if (text === 'off') return { errors: false, share: 0 }
    if (text === 'all') return { errors: true, share: 1 }
    if (text === 'errors') return { errors: true, share: 0 }
    const errors = text.startsWith('errors+')
    const [, percent] = SHARE.exec(errors ? text.slice('errors+'.length) : text) ?? []
    if (percent !== undefined) return { errors, share: Number(percent) / 100 }
    fault(`must be off, all, errors, a share such as 5%, or errors+5%, but is "${text}"`)
    return undefined
  })
}

function file() {
  return parsed<string>((text, fault) => {
    const error = text === '' ? undefined : whyNotWritable(text)
    if (error === undefined) return text
    fault(`must be a file that can be written, but "${text}" is not one: ${error}`)
    return undefined
  })
}

/** The file need not exist, but its folder must. */
function whyNotWritable(file: string): string | undefined {
  try {
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats?.isDirectory()) return 'EISDIR'
    accessSync(stats ? file : path.dirname(file), constants.W_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
