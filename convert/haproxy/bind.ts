import type { Findings } from '../findings.js'
import type { Line, Section } from './parse.js'

/** A port that a frontend listens at. */
export interface Bind {
  readonly line: Line
  readonly address: string
  readonly port: number
  readonly isTls: boolean
  readonly certificates: readonly string[]
  readonly isProxyProtocol: boolean
  readonly clientCa: string | undefined
  readonly minVersion: string | undefined
}

/** The ports of a frontend. */
export function bindsOf({ lines }: Section, findings: Findings): Bind[] {
  return lines
    .filter(({ name }) => name === 'bind')
    .flatMap((line) => {
      const [places = '', ...options] = line.args
      const valueAfter = (name: string) =>
        options.includes(name) ? options[options.indexOf(name) + 1] : undefined
      return places.split(',').flatMap((place) => {
        const [, address = '', port] = /^(?:ipv[46]@)?(.*?):(\d+)$/.exec(place) ?? []
        if (port === undefined) {
          findings.leftOut(line.at, line.text, 'it listens on one port of TCP')
          return []
        }
        return [
          {
            line,
            address,
            port: Number(port),
            isTls: options.includes('ssl'),
            certificates: options.flatMap((word, at) => (word === 'crt' ? [options[at + 1] ?? ''] : [])),
            isProxyProtocol: options.includes('accept-proxy'),
            clientCa: valueAfter('verify') === 'required' ? valueAfter('ca-file') : undefined,
            minVersion: valueAfter('ssl-min-ver')
          }
        ]
      })
    })
}

/** Settings of the balancer by what is said of its port. */
export function bindSettings(binds: readonly Bind[], findings: Findings): Record<string, unknown> {
  const [first] = binds
  if (!first) return {}
  const tls = binds.filter(({ isTls }) => isTls)
  const certificates = [...new Set(tls.flatMap((bind) => bind.certificates))]
  for (const { line, address } of binds) {
    if (address !== '' && address !== '*' && address !== '0.0.0.0' && address !== '::' && address !== '[::]')
      findings.differs(
        line.at,
        line.text,
        `it listens at all addresses unless FASTIFY_ADDRESS=${address.replace(/^\[|\]$/g, '')} is set`
      )
  }
  if (tls[0])
    findings.differs(
      tls[0].line.at,
      tls[0].line.text,
      'certificate and key are two files, each of which may be this one; a folder is written as a list of its files'
    )
  const clientCa = tls.find((bind) => bind.clientCa)?.clientCa
  return {
    port: first.port,
    ...(tls.length > 0 && { 'tls-cert': certificates, 'tls-key': certificates }),
    ...(clientCa && { 'tls-client-ca': clientCa }),
    ...(tls.some(({ minVersion }) => minVersion === 'TLSv1.3') && { 'tls-min-version': 'TLSv1.3' }),
    ...(binds.some(({ isProxyProtocol }) => isProxyProtocol) && { 'proxy-protocol': true })
  }
}
