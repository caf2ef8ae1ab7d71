import path from 'node:path'
import type * as Yaml from 'js-yaml'
import * as v from 'valibot'
import { AccessError } from './access.js'
import { readText } from './read-file.js'

/** An empty text is as none. */
const text = v.optional(
  v.pipe(
    v.string(),
    v.transform((given) => (given === '' ? undefined : given))
  )
)

const cluster = v.object({
  server: v.pipe(v.string(), v.regex(/^https?:\/\/[^\s/@]+/i)),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': v.optional(v.boolean()),
  'tls-server-name': text,
  'proxy-url': text
})

const exec = v.object({
  apiVersion: v.picklist(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']),
  command: v.pipe(v.string(), v.minLength(1)),
  args: v.nullish(v.array(v.string()), []),
  env: v.nullish(v.array(v.object({ name: v.string(), value: v.string() })), []),
  provideClusterInfo: v.optional(v.boolean()),
  interactiveMode: text
})

const user = v.object({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  exec: v.nullish(exec),
  username: text,
  password: text,
  as: text,
  'auth-provider': v.optional(v.unknown())
})

/** Members of a list by their names, of which the first of several counts. */
const named = (key: string) =>
  v.nullish(v.array(v.looseObject({ name: v.string(), [key]: v.nullish(v.unknown()) })), [])

const content = v.object({
  'current-context': text,
  clusters: named('cluster'),
  users: named('user'),
  contexts: named('context')
})
const context = v.object({ cluster: v.string(), user: v.string() })

export type KubeconfigCluster = v.InferOutput<typeof cluster>
export type KubeconfigUser = v.InferOutput<typeof user>
export type ExecConfig = v.InferOutput<typeof exec>

/** What the current context of a kubeconfig names, with the folders that its files are relative to. */
export interface CurrentContext {
  readonly cluster: KubeconfigCluster
  readonly clusterFolder: string
  readonly user: KubeconfigUser
  readonly userFolder: string
}

/** An entry of a list, and where it stands. */
interface Entry {
  readonly value: unknown
  readonly folder: string
}

/**
 * The current context of kubeconfig files, which are merged as kubectl does: of what several say, the first counts.
 * @throws {AccessError} if one cannot be read or is wrong, or there is no such context
 */
export async function readCurrentContext(files: readonly string[]): Promise<CurrentContext> {
  const all = await Promise.all(
    files.map(async (file) => ({ file, ...contentOf(file, await readText(file)) }))
  )
  const find = (list: 'clusters' | 'users' | 'contexts', name: string): Entry => {
    for (const { file, [list]: entries } of all) {
      const entry = entries.find((entry) => entry.name === name)
      if (entry) return { value: entry[list.slice(0, -1)], folder: path.dirname(path.resolve(file)) }
    }
    throw new AccessError(`${files.join(', ')}: ${list} has no "${name}"`)
  }
  const current = all.map((file) => file['current-context']).find(Boolean)
  if (current === undefined) throw new AccessError(`${files.join(', ')}: current-context is not set`)
  const at = files.join(', ')
  const used = checked(context, find('contexts', current).value, `${at}: context "${current}"`)
  const ofCluster = find('clusters', used.cluster)
  const ofUser = find('users', used.user)
  return {
    cluster: checked(cluster, ofCluster.value, `${at}: cluster "${used.cluster}"`),
    clusterFolder: ofCluster.folder,
    user: checked(user, ofUser.value ?? {}, `${at}: user "${used.user}"`),
    userFolder: ofUser.folder
  }
}

function contentOf(file: string, yaml: string): v.InferOutput<typeof content> {
  // Loaded only where such a file is read.
  const { load } = require('js-yaml') as typeof Yaml
  let parsed: unknown
  try {
    parsed = load(yaml)
  } catch {
    // What the parser says quotes the text, which has secrets.
    throw new AccessError(`${file} is not valid YAML`)
  }
  return checked(content, parsed, file)
}

/** A value of that shape. The error names the place, and not the value, which may be secret. */
function checked<Shape extends v.GenericSchema>(
  shape: Shape,
  value: unknown,
  at: string
): v.InferOutput<Shape> {
  const result = v.safeParse(shape, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const where = v.getDotPath(issue)
  throw new AccessError(`${at} is wrong${where ? `: ${where}` : ''}`)
}
