import { statSync } from 'node:fs'
import { type BlockList, isIP } from 'node:net'
import path from 'node:path'
import { isHostName } from '../../base/values/check-values.js'
import { addressRanges, LIST_IN_FILE, parsed } from '../../base/values/values.js'
import { type ValuesOf, variable } from '../variable.js'

const MIN_TOKEN_LENGTH = 16
const MAX_PORT = 65_535
/** Visible ASCII characters, which any field can carry. */
const TOKEN = /^[\x21-\x7e]*$/

/** The variables of the administration: who may read the balancer's state, and who may change it. */
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
      'Host names by which `/__lb/` may be requested, beside addresses, `localhost`, names without a dot, names that ' +
      'end in `.localhost`, `.local`, `.internal` or `.svc`, and the names of this machine: `lb.example.com`, ' +
      '`*.example.com` for all below it, `*` for any. Other hosts are answered `421`, except for `/__lb/live` and ' +
      '`/__lb/ready`.',
    fallback: '',
    flags: '--admin-hosts <names>'
  }),
  LB_ADMIN_TOKEN: variable(token(), {
    description:
      'Bearer token for changes of backends over `/__lb/api/`, at least 16 characters. Without one nothing can be ' +
      'changed.',
    fallback: '',
    isSecret: true
  }),
  LB_ADMIN_PORT: variable(portOrNone(), {
    description:
      'Separate port for all of `/__lb/`, which is then answered `404` on `PORT`; 0 lets the system choose. Empty to serve ' +
      '`/__lb/` on `PORT`.',
    fallback: '',
    flags: '--admin-port <port>'
  }),
  LB_STATE_FILE: variable(fileInFolder(), {
    description:
      'File that keeps changes made over `/__lb/api/` for the next start with the same `LB_BACKENDS`. Empty to keep ' +
      'nothing.',
    fallback: '',
    flags: '--state-file <path>'
  })
}

type Values = ValuesOf<typeof adminVariables>

/** Options of the administration. */
export interface AdminConfig {
  /** Addresses that may read. */
  readonly allow: BlockList
  /** Further host names of the balancer; `*.example.com` for all below one, `*` for any. */
  readonly hosts: readonly string[]
  /** Empty for none: nothing can be changed. */
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

/** Names, separated by commas or white space, in lower case and without a trailing dot. */
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
  }, LIST_IN_FILE)
}

/** Error messages do not contain it. */
function token() {
  return parsed<string>((text, fault) => {
    for (const wrong of text === '' ? [] : tokenFaults(text)) fault(wrong)
    return text
  })
}

/** What is wrong with a token, without the token itself. */
export function tokenFaults(token: string): string[] {
  const faults: string[] = []
  if (token.length < MIN_TOKEN_LENGTH)
    faults.push(`must have at least ${MIN_TOKEN_LENGTH} characters, but has ${token.length}`)
  if (!TOKEN.test(token)) faults.push('must be of visible ASCII characters, without spaces')
  return faults
}

function portOrNone() {
  return parsed<number | ''>((text, fault) => {
    if (text === '') return text
    if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT) return Number(text)
    fault(`must be a whole number from 0 to ${MAX_PORT}, but is "${text}"`)
    return undefined
  })
}

/** The file need not exist, but its folder must. */
export function fileInFolder() {
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
