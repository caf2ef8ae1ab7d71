import { OncePerKey } from '../../base/once-per-key.js'
import type { BackendConfig } from '../../pool/spec/backend-spec.js'
import type { Member } from '../member.js'
import type { Source, SourceContext } from '../source.js'
import { readMember } from '../spec/template.js'
import type { AccessReader } from './access/access.js'
import { chooseAccess } from './access/choose.js'
import { ListWatch } from './api/list-watch.js'
import { type Reachable, reachableIn } from './endpoints/endpoints.js'
import { readSlice, SERVICE_LABEL, type Slice } from './endpoints/slice.js'
import { outsideZone } from './endpoints/zone.js'
import type { KubernetesGiven } from './options.js'

/** Changes that come within it are told as one. */
const GATHER_MS = 10
/** As many as selection is measured with. */
const MAX_MEMBERS = 10_000

/** What differs in tests. */
interface Surroundings {
  readonly access?: AccessReader
  readonly watchMs?: number
}

/** The endpoints of a service in Kubernetes, as its EndpointSlices tell of them. */
export class KubernetesSource implements Source {
  readonly #given: KubernetesGiven
  readonly #context: SourceContext
  readonly #warned = new OncePerKey()
  readonly #follower: ListWatch<Slice>
  #slices: Map<string, Slice> = new Map()
  /** Those of the members, so that they are the same objects while nothing about them changes. */
  #configs: ReadonlyMap<string, BackendConfig | undefined> = new Map()
  #timer: NodeJS.Timeout | undefined
  #hasSlices = true

  constructor(given: KubernetesGiven, context: SourceContext, { access, watchMs }: Surroundings = {}) {
    const { namespace, service } = given
    this.#given = given
    this.#context = context
    this.#follower = new ListWatch<Slice>({
      access: access ?? chooseAccess(context.options.kubernetes.kubeconfig),
      path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      labelSelector: `${SERVICE_LABEL}=${service}`,
      ...(watchMs === undefined ? {} : { watchMs }),
      read: (name, object) => readSlice(object, service, this.#fault, this.#slices.get(name)),
      onListed: (slices) => {
        this.#slices = new Map(slices)
        this.#tell()
      },
      onChanged: (name, slice) => {
        if (slice) this.#slices.set(name, slice)
        else this.#slices.delete(name)
        this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS).unref()
      },
      onFailure: (reason) => context.listener.onFailure(reason)
    })
  }

  start(): void {
    this.#follower.start()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#follower.stop()
  }

  readonly #fault = (message: string): void => {
    if (this.#warned.isFirst(message)) this.#context.warn(message)
  }

  #tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { listener, warn } = this.#context
    const hadSlices = this.#hasSlices
    this.#hasSlices = this.#slices.size > 0
    const reachable = reachableIn(this.#slices.values(), this.#given, this.#fault)
    if (typeof reachable === 'string') listener.onFailure(reachable)
    else if (reachable.length > MAX_MEMBERS) listener.onFailure(`has more than ${MAX_MEMBERS} endpoints`)
    else listener.onMembers(this.#members(reachable))
    if (hadSlices && !this.#hasSlices)
      warn('there are no EndpointSlices of this service: is there one of that name?')
  }

  #members(reachable: readonly Reachable[]): Member[] {
    const { kubernetes } = this.#context.options
    const { zone } = this.#given
    const endpoints = reachable.map(({ endpoint }) => endpoint)
    const isOutside = zone === undefined ? () => false : outsideZone(endpoints, zone || kubernetes.zone)
    const before = this.#configs
    const configs = new Map<string, BackendConfig | undefined>()
    this.#configs = configs
    return reachable.flatMap(({ at, endpoint }) => {
      const backup = isOutside(endpoint)
      const key = backup ? `${at} backup` : at
      const config = before.has(key) ? before.get(key) : this.#configOf(at, backup)
      configs.set(key, config)
      return config ? [{ config, isTerminating: endpoint.isTerminating }] : []
    })
  }

  #configOf(at: string, backup: boolean): BackendConfig | undefined {
    const { template, faultOf } = this.#context
    const config = readMember(at, template, faultOf, this.#fault)
    return config && backup ? { ...config, backup } : config
  }
}
