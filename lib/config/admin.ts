import { statSync } from 'node:fs'
import { type BlockList, isIP } from 'node:net'
import path from 'node:path'
import { isHostName } from '../base/values/check-values.js'
import { addressRanges, parsed } from '../base/values/values.js'
import { variable } from './variable.js'

const MIN_TOKEN_LENGTH = 16
const MAX_PORT = 65_535
/** What a field of a request can carry without any doubt. */
const TOKEN = /^[\x21-\x7e]*$/

/** The variables that say who may look at the balancer and who may change it. */
export const adminVariables = {
  LB_ADMIN_ALLOW: variable(addressRanges(), {
    description:
      'Addresses and CIDR ranges whose connections may read `/__lb/stats` and `/__lb/metrics`, and use `/__lb/api/`, judged ' +
      'by the address of the socket or of its PROXY header (`LB_PROXY_PROTOCOL`), never by a field; others get `404`.',
    fallback: '127.0.0.0/8 ::1',
    flags: '--admin-allow <ranges>'
  }),
  LB_ADMIN_HOSTS: variable(hostNames(), {
    description:
      'Names of hosts by which `/__lb/` may be asked for, beside addresses, `localhost`, names without a dot, those that ' +
      'end in `.localhost`, `.local`, `.internal` or `.svc`, and those of this machine: `lb.example.com`, ' +
      '`*.example.com` for all below, `*` for any. For others it is answered `421`, but for `/__lb/live` and `/__lb/ready`.',
    fallback: '',
    flags: '--admin-hosts <names>'
  }),
  LB_ADMIN_TOKEN: variable(token(), {
    description:
      'What those who change backends by `/__lb/api/` have to know, at least 16 characters. Without one nothing can be ' +
      'changed.',
    fallback: '',
    isSecret: true
  }),
  LB_ADMIN_PORT: variable(portOrNone(), {
    description:
      'A port of its own for all of `/__lb/`, which `PORT` then answers `404`; 0 lets the system choose. The empty one ' +
      'leaves `/__lb/` on `PORT`.',
    fallback: '',
    flags: '--admin-port <port>'
  }),
  LB_STATE_FILE: variable(stateFile(), {
    description:
      'File that keeps what was changed by `/__lb/api/`, for the next start with the same `LB_BACKENDS`. The empty one ' +
      'keeps nothing.',
    fallback: '',
    flags: '--state-file <path>'
  })
}

type Values = { [Name in keyof typeof adminVariables]: (typeof adminVariables)[Name]['_output'] }

export interface AdminConfig {
  /** Who may look. */
  readonly allow: BlockList
  /** Of the balancer, beside those that nobody else can have; `*.` before those below which all are, `*` for any. */
  readonly hosts: readonly string[]
  /** Empty for one that nobody knows: nothing can be changed. */
  readonly token: string
  /** Undefined for the port of the balancer itself. */
  readonly port: number | undefined
  /** Empty for none. */
  readonly stateFile: string
}

export function adminOf(values: Values): AdminConfig {
  return {
    allow: values.LB_ADMIN_ALLOW,
    hosts: values.LB_ADMIN_HOSTS,
    token: values.LB_ADMIN_TOKEN,
    port: values.LB_ADMIN_PORT === '' ? undefined : values.LB_ADMIN_PORT,
    stateFile: values.LB_STATE_FILE
  }
}

/** Names, separated by commas or white space, in small letters and without a dot at the end. */
function hostNames() {
  return parsed<string[]>((text, fault) => {
    const names = text.split(/[\s,]+/).filter(Boolean)
    for (const name of names)
      if (
        name !== '*' &&
        isIP(name.replace(/^\[(.*)\]$/, '$1')) === 0 &&
        !isHostName(name.replace(/^\*\./, ''))
      )
        fault(
          `must list names of hosts such as lb.example.com or *.example.com, without ports, but has "${name}"`
        )
    return names.map((name) => name.toLowerCase().replace(/\.$/, ''))
  })
}

/** Faults do not show it. */
function token() {
  return parsed<string>((text, fault) => {
    if (text !== '' && text.length < MIN_TOKEN_LENGTH)
      fault(`must have at least ${MIN_TOKEN_LENGTH} characters, but has ${text.length}`)
    if (!TOKEN.test(text)) fault('must be of visible ASCII characters, without spaces')
    return text
  })
}

function portOrNone() {
  return parsed<number | ''>((text, fault) => {
    if (text === '') return text
    if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT) return Number(text)
    fault(`must be a whole number from 0 to ${MAX_PORT}, but is "${text}"`)
    return undefined
  })
}

/** It need not be there yet, but the folder that it is written to has to be. */
function stateFile() {
  return parsed<string>((text, fault) => {
    if (text === '') return text
    if (text.includes('\0') || !isFolder(path.dirname(text)) || text.endsWith('/') || isFolder(text))
      fault(`must be a file in a folder that is there, but is "${text}"`)
    return path.resolve(text)
  })
}

function isFolder(name: string): boolean {
  try {
    return statSync(name).isDirectory()
  } catch {
    return false
  }
}
