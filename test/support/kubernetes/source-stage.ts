import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Kubeconfig } from '../../../lib/discovery/kubernetes/access/kubeconfig.js'
import { KubernetesSource } from '../../../lib/discovery/kubernetes/kubernetes-source.js'
import type { KubernetesGiven } from '../../../lib/discovery/kubernetes/options.js'
import type { Member } from '../../../lib/discovery/member.js'
import type { Source } from '../../../lib/discovery/source.js'
import { atEnd } from '../test.js'
import type { ApiServer } from './api-server.js'

/** What stands in a kubeconfig beside its server. */
export interface KubeconfigGiven {
  readonly cluster?: object
  readonly user?: object
}

/** Writes a kubeconfig for a server, in JSON, which is YAML. */
export function writeKubeconfig(
  file: string,
  { url }: Pick<ApiServer, 'url'>,
  { cluster = {}, user = {} }: KubeconfigGiven = {}
): string {
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'here', cluster: { server: url, ...cluster } }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'test', context: { cluster: 'here', user: 'me', namespace: 'shop' } }]
  }
  writeFileSync(file, JSON.stringify(content))
  return file
}

/** A source whose set, failure and warnings are kept. */
export interface Told {
  readonly source: Source
  /** The addresses of its members, those about to end with a `!` and backups with a `?`; undefined until it has told. */
  readonly shown: () => string[] | undefined
  readonly members: () => readonly Member[]
  /** Why it cannot tell; undefined while it can. */
  readonly failure: () => string | undefined
  /** Every reason so far. */
  readonly failures: string[]
  readonly warnings: string[]
  /** How often it has told of its members. */
  readonly times: () => number
}

/** Starts a source of `shop/web`, port `http`, at a server. */
export function followed(
  t: Test,
  server: Pick<ApiServer, 'url'>,
  given: Partial<KubernetesGiven> = {},
  { watchMs, zone = '', ...access }: KubeconfigGiven & { watchMs?: number; zone?: string } = {}
): Told {
  const folder = mkdtempSync(path.join(tmpdir(), 'kubeconfig-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  const file = writeKubeconfig(path.join(folder, 'config'), server, access)
  let members: readonly Member[] | undefined
  let failure: string | undefined
  let times = 0
  const failures: string[] = []
  const warnings: string[] = []
  const context = {
    template: { isTls: false, options: ['weight=2'] },
    options: { dns: { servers: [] }, kubernetes: { kubeconfig: file, zone } },
    faultOf: () => undefined,
    warn: (message: string) => void warnings.push(message),
    listener: {
      onMembers: (told: readonly Member[]) => {
        members = told
        failure = undefined
        times++
      },
      onFailure: (reason: string) => {
        failure = reason
        failures.push(reason)
      },
      onNone: () => {
        throw new Error('it has revisions')
      }
    }
  }
  const service = { namespace: 'shop', service: 'web', port: 'http', family: undefined, zone: undefined }
  const source = new KubernetesSource({ ...service, ...given }, context, {
    access: new Kubeconfig([file]),
    ...(watchMs === undefined ? {} : { watchMs })
  })
  atEnd(t, () => source.stop())
  source.start()
  const shown = () =>
    members
      ?.map(
        ({ config, isTerminating }) =>
          `${config.hostname}${isTerminating ? '!' : ''}${config.backup ? '?' : ''}`
      )
      .sort()
  return {
    source,
    shown,
    members: () => members ?? [],
    failure: () => failure,
    failures,
    warnings,
    times: () => times
  }
}
