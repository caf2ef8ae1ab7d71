import { execFile } from 'node:child_process'
import path from 'node:path'
import * as v from 'valibot'
import { AccessError } from './access.js'
import type { ExecConfig, KubeconfigCluster } from './kubeconfig-file.js'

/** Long enough for a plugin that asks a cloud for a token. */
const RUN_MS = 30_000
const MAX_OUTPUT_BYTES = 1_048_576
/** A credential is replaced so long before it expires. */
const MARGIN_MS = 10_000
/** Settings of the balancer, some of them secret, are none of the plugin's business. */
const OWN_VARIABLE = /^LB_/

const output = v.object({
  kind: v.literal('ExecCredential'),
  status: v.object({
    token: v.optional(v.string()),
    clientCertificateData: v.optional(v.string()),
    clientKeyData: v.optional(v.string()),
    expirationTimestamp: v.nullish(v.pipe(v.string(), v.isoTimestamp()))
  })
})

/** What a plugin has yielded. */
export type ExecCredential = v.InferOutput<typeof output>['status']

/** Asks a credential plugin (`exec` of a kubeconfig), and keeps its answer until that expires or is rejected. */
export class ExecPlugin {
  readonly #abort = new AbortController()
  readonly #now: () => number
  #of: string | undefined
  #credential: ExecCredential | undefined

  /** @param now in milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /**
   * @param folder that a command with a slash in it is relative to
   * @param isRejected whether the API server has rejected the one before
   * @throws {AccessError} if the plugin fails
   */
  async credential(
    config: ExecConfig,
    cluster: KubeconfigCluster,
    folder: string,
    isRejected: boolean
  ): Promise<ExecCredential> {
    const of = JSON.stringify([config, cluster])
    if (this.#of === of && this.#credential && !isRejected && !this.#isOver(this.#credential))
      return this.#credential
    this.#credential = await this.#run(config, cluster, folder)
    this.#of = of
    return this.#credential
  }

  stop(): void {
    this.#abort.abort()
  }

  #isOver({ expirationTimestamp }: ExecCredential): boolean {
    return expirationTimestamp != null && Date.parse(expirationTimestamp) - MARGIN_MS <= this.#now()
  }

  async #run(config: ExecConfig, cluster: KubeconfigCluster, folder: string): Promise<ExecCredential> {
    const { apiVersion, command, args, env, interactiveMode } = config
    if (interactiveMode === 'Always')
      throw new AccessError(`${command} wants to ask somebody, and nobody is there`)
    const info = {
      apiVersion,
      kind: 'ExecCredential',
      spec: { interactive: false, ...clusterInfo(config, cluster) }
    }
    const inherited = Object.entries(process.env).filter(([name]) => !OWN_VARIABLE.test(name))
    const text = await this.#output(/[/\\]/.test(command) ? path.resolve(folder, command) : command, args, {
      ...Object.fromEntries(inherited),
      ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info)
    })
    const result = v.safeParse(output, text)
    if (!result.success) throw new AccessError(`${command} has not printed an ExecCredential`)
    return result.output.status
  }

  #output(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> {
    const options = { env, timeout: RUN_MS, maxBuffer: MAX_OUTPUT_BYTES, signal: this.#abort.signal }
    return new Promise((resolve, reject) => {
      // What it prints is not shown: it may be secret.
      execFile(command, [...args], options, (error, stdout) => {
        if (error)
          reject(
            new AccessError(
              `${command} has failed: ${error.killed ? 'timeout' : (error.code ?? error.signal)}`
            )
          )
        else resolve(parsed(stdout))
      })
    })
  }
}

/** What the plugin is told of the cluster, if it is to be. */
function clusterInfo({ provideClusterInfo }: ExecConfig, cluster: KubeconfigCluster): object {
  if (!provideClusterInfo) return {}
  const { server, 'certificate-authority-data': data, 'tls-server-name': name } = cluster
  return { cluster: { server, 'certificate-authority-data': data, 'tls-server-name': name } }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
