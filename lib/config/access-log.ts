import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { oneOf, parsed } from '../base/values/values.js'
import { type AccessLogConfig, FORMATS, type LogSelection } from '../observe/access-log/options.js'
import { variable } from './variable.js'

const SHARE = /^(\d{1,2}(?:\.\d{1,3})?|100)%$/

/** The variables of the access log. */
export const accessLogVariables = {
  LB_ACCESS_LOG: variable(logged(), {
    description:
      'Which requests have a line in the access log: `off`, `all`, `errors` (those that a backend has not answered ' +
      'with a status below 500 to the end), a share by chance such as `5%`, or `errors+5%` for all errors and that ' +
      'share of the others.',
    fallback: 'off',
    flags: '--access-log <which>'
  }),
  LB_ACCESS_LOG_FORMAT: variable(oneOf(FORMATS), {
    description: "The form of its lines: `json`, or `combined`, which is Apache's.",
    fallback: 'json',
    flags: '--access-log-format <format>'
  }),
  LB_ACCESS_LOG_FILE: variable(file(), {
    description:
      'The file that they are added to; one that is moved away is made anew within a second. The empty one is ' +
      'standard output.',
    fallback: '',
    flags: '--access-log-file <file>'
  })
}

type Values = { [Name in keyof typeof accessLogVariables]: (typeof accessLogVariables)[Name]['_output'] }

/** Undefined if there is to be none. */
export function accessLogOf(values: Values): AccessLogConfig | undefined {
  const { errors, share } = values.LB_ACCESS_LOG
  if (!errors && share === 0) return undefined
  return { errors, share, format: values.LB_ACCESS_LOG_FORMAT, file: values.LB_ACCESS_LOG_FILE }
}

function logged() {
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

/** The file need not be there, as long as its folder is. */
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
