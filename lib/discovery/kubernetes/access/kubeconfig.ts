import path from 'node:path'
import { type Access, AccessError, type AccessReader, type ApiTls } from './access.js'
import { ExecPlugin } from './exec-credential.js'
import { type KubeconfigCluster, type KubeconfigUser, readCurrentContext } from './kubeconfig-file.js'
import { readText } from './read-file.js'

/** Keys of a user that kubectl knows and this does not. */
const UNSUPPORTED = ['username', 'password', 'as', 'auth-provider'] as const

/** The API server that the current context of kubeconfig files names. They are read anew for each request. */
export class Kubeconfig implements AccessReader {
  readonly #files: readonly string[]
  readonly #plugin = new ExecPlugin()

  constructor(files: readonly string[]) {
    this.#files = files
  }

  async read(isRejected: boolean): Promise<Access> {
    const { cluster, clusterFolder, user, userFolder } = await readCurrentContext(this.#files)
    if (cluster['proxy-url'] !== undefined) throw this.#unsupported('proxy-url')
    for (const key of UNSUPPORTED) if (user[key] !== undefined) throw this.#unsupported(key)
    const url = cluster.server.replace(/\/+$/, '')
    // As with kubectl, no credential goes over what others can read.
    if (/^http:/i.test(url)) return { url, tls: {} }
    const own = await ownCredential(user, userFolder)
    const plugin = user.exec
      ? await this.#plugin.credential(user.exec, cluster, userFolder, isRejected)
      : undefined
    const token = own.token ?? plugin?.token
    const [cert, key] = [own.cert ?? plugin?.clientCertificateData, own.key ?? plugin?.clientKeyData]
    return {
      url,
      ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
      tls: { ...(await tlsOf(cluster, clusterFolder)), ...(cert && key ? { cert, key } : {}) }
    }
  }

  stop(): void {
    this.#plugin.stop()
  }

  #unsupported(key: string): AccessError {
    return new AccessError(`${this.#files.join(', ')}: ${key} is not supported`)
  }
}

/** What the user has without a plugin. */
async function ownCredential(user: KubeconfigUser, folder: string) {
  const { tokenFile } = user
  const token = tokenFile === undefined ? user.token : await readText(path.resolve(folder, tokenFile))
  const cert = await given(user['client-certificate-data'], user['client-certificate'], folder)
  const key = await given(user['client-key-data'], user['client-key'], folder)
  return { token, cert, key }
}

async function tlsOf(cluster: KubeconfigCluster, folder: string): Promise<ApiTls> {
  const ca = await given(cluster['certificate-authority-data'], cluster['certificate-authority'], folder)
  const { 'tls-server-name': servername, 'insecure-skip-tls-verify': isInsecure } = cluster
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
    ...(isInsecure ? { rejectUnauthorized: false } : {})
  }
}

/** Data in base64, or else the text of a file. */
async function given(data: string | undefined, file: string | undefined, folder: string) {
  if (data !== undefined) return Buffer.from(data, 'base64').toString()
  return file === undefined ? undefined : readText(path.resolve(folder, file))
}
