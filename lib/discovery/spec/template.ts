import { type BackendOptions, DEFAULTS, parseOptions } from '../../pool/spec/backend-options.js'
import { type BackendConfig, readBackend } from '../../pool/spec/backend-spec.js'
import type { FaultOf } from '../../pool/spec/json-spec.js'
import type { Member } from '../member.js'

type Fault = (message: string) => void

/** What the members of a source have that it does not say itself. */
export interface MemberTemplate {
  readonly isTls: boolean
  /** Options of backends, each `name=value` or `name`. */
  readonly options: readonly string[]
}

/** The option of a source by which its members speak TLS. */
export const TLS = 'tls'

/**
 * Reads the options of a source that are those of its members. Calls `fault` for each error.
 * @param given each `name=value` or `name`
 */
export function readTemplate(given: readonly string[], fault: Fault): MemberTemplate {
  const options = given.filter((option) => option !== TLS)
  const isTls = options.length < given.length
  const { tlsName, tlsNoVerify } = parseOptions(options, fault)
  if (!isTls && (tlsName !== undefined || tlsNoVerify))
    fault(`${tlsNoVerify ? 'tls-no-verify' : 'tls-name'} needs ${TLS}`)
  return { isTls, options }
}

/** The options of members of a template, for what is checked of all backends. */
export const optionsOf = ({ options }: MemberTemplate): BackendOptions =>
  options.length === 0 ? DEFAULTS : parseOptions(options, () => {})

const nameOf = (option: string) => option.split('=', 1)[0]!

/**
 * A backend as a source writes it: as in `LB_BACKENDS`, with the template's options where it has none of its own.
 * @param entry such as `10.0.0.7:3000;weight=3`
 * @param fault called for each error; then nothing is returned
 */
export function readMember(
  entry: string,
  { isTls, options }: MemberTemplate,
  faultOf: FaultOf,
  fault: Fault
): BackendConfig | undefined {
  const [address = '', ...own] = entry.split(';')
  const given = new Set(own.map(nameOf))
  const all = [...own, ...options.filter((option) => !given.has(nameOf(option)))]
  const origin = isTls && !/^https?:\/\//i.test(address) ? `https://${address}` : address
  let isWrong = false
  const tell = (message: string) => {
    isWrong = true
    fault(`"${entry.replace(/\/\/.*@/, '//***@')}": ${message}`)
  }
  const config = readBackend(origin, all, tell)
  const wrong = config && faultOf(config)
  if (wrong) tell(wrong)
  return isWrong ? undefined : config
}

/** Members as a source writes them, those that are wrong left out. Calls `fault` for each of those. */
export function readMembers(
  entries: readonly string[],
  template: MemberTemplate,
  faultOf: FaultOf,
  fault: Fault
): readonly Member[] {
  return entries.flatMap((entry) => {
    const config = readMember(entry, template, faultOf, fault)
    return config ? [{ config }] : []
  })
}
