import { fstatSync } from 'node:fs'

/** What a listening socket is for, as `FileDescriptorName=` of systemd's socket units says it. */
export const SOCKET_PURPOSES = ['client', 'redirect', 'admin'] as const

export type SocketPurpose = (typeof SOCKET_PURPOSES)[number]

/** A listening socket that another process has opened. */
export interface HandedSocket {
  readonly fd: number
  /** Where its opener was configured to listen; undefined for systemd, whose sockets are used wherever they listen. */
  readonly address: string | undefined
}

export type HandedSockets = ReadonlyMap<SocketPurpose, HandedSocket>

/** A socket that is handed on, and what for. */
export interface HandedOn extends HandedSocket {
  readonly purpose: SocketPurpose
}

type Env = Record<string, string | undefined>

/** The first descriptor, and the variables, by which systemd hands over sockets (sd_listen_fds(3)). */
export const FIRST_FD = 3
const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const
/** Set in their place of `LISTEN_PID` by the process before this one: where it was configured to listen, in JSON. */
const ADDRESSES = 'FAIRLEAD_HANDOVER'
const SEPARATOR = ':'

/** Whether a process was started by another one that hands over its sockets. */
export function isSuccessor({ env, send }: Pick<NodeJS.Process, 'env' | 'send'>): boolean {
  return send !== undefined && env[ADDRESSES] !== undefined
}

/**
 * Takes the sockets that the environment says were handed to this process, and the variables out of it: they are not for
 * the processes that this one starts.
 * @param fromPredecessor whether a process hands over its own sockets, rather than systemd
 * @throws where these are no sockets, or it is not clear what for
 */
export function takeHandedSockets(
  env: Env,
  pid: number,
  fromPredecessor: boolean,
  isSocket = isOpenSocket
): HandedSockets {
  const { LISTEN_FDS: count, LISTEN_PID: receiver, LISTEN_FDNAMES: names } = env
  const addresses = fromPredecessor ? env[ADDRESSES] : undefined
  for (const name of [...VARIABLES, ADDRESSES]) delete env[name]
  if (count === undefined || (addresses === undefined && Number(receiver) !== pid)) return new Map()
  const own = (addresses === undefined ? [] : JSON.parse(addresses)) as (string | null)[]
  const named = names === undefined ? [] : names.split(SEPARATOR)
  const handed = new Map<SocketPurpose, HandedSocket>()
  for (let i = 0; i < Number(count); i++) {
    const fd = FIRST_FD + i
    if (!isSocket(fd)) throw new Error(`LISTEN_FDS=${count}: descriptor ${fd} is not a socket`)
    const purpose = purposeOf(named[i], Number(count))
    if (handed.has(purpose))
      throw new Error(`LISTEN_FDNAMES=${names}: there can be one socket for ${purpose}`)
    handed.set(purpose, { fd, address: own[i] ?? undefined })
  }
  return handed
}

/** The variables by which a process takes what this one hands on, which is in its descriptors from the first on. */
export function handoverVariables(sockets: readonly HandedOn[]): Readonly<Record<string, string>> {
  return {
    LISTEN_FDS: `${sockets.length}`,
    LISTEN_FDNAMES: sockets.map(({ purpose }) => purpose).join(SEPARATOR),
    [ADDRESSES]: JSON.stringify(sockets.map(({ address }) => address ?? null))
  }
}

/** A single socket is for clients, whatever its name: systemd takes that of the unit where none is given. */
function purposeOf(name: string | undefined, count: number): SocketPurpose {
  const purpose = SOCKET_PURPOSES.find((known) => known === name)
  if (purpose) return purpose
  if (count === 1) return 'client'
  throw new Error(`LISTEN_FDNAMES: a socket is named ${name ?? 'unknown'}, not ${SOCKET_PURPOSES.join(', ')}`)
}

function isOpenSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    return false
  }
}
