import { type Candidate, compareCandidates, isEveryPath, prefixOf } from './candidate.js'
import type { RequestReader } from './request-reader.js'

const SLASH = 0x2f

/** A candidate, and its rank among all that it shares a host with: the smaller comes first. */
export interface Ranked<C extends Candidate = Candidate> {
  readonly candidate: C
  readonly rank: number
}

/** What the segments of a path lead to. */
class PathNode<C extends Candidate> {
  readonly children = new Map<string, PathNode<C>>()
  readonly exact: Ranked<C>[] = []
  readonly prefixes: Ranked<C>[] = []
  readonly parent: PathNode<C> | undefined

  constructor(parent: PathNode<C> | undefined) {
    this.parent = parent
  }

  /** The node of a path. */
  at(path: string): PathNode<C> {
    return path
      .split('/')
      .slice(1)
      .reduce<PathNode<C>>((node, segment) => node.#child(segment), this)
  }

  #child(segment: string): PathNode<C> {
    const child = this.children.get(segment) ?? new PathNode(this)
    this.children.set(segment, child)
    return child
  }
}

/**
 * The candidates of a host by their paths, segment by segment. To find one takes as long as the longest path of a route,
 * and not as long as that of the request.
 */
export class PathTree<C extends Candidate = Candidate> {
  readonly #root = new PathNode<C>(undefined)
  readonly #patterns: Ranked<C>[] = []
  readonly #everywhere: Ranked<C>[] = []

  constructor(ranked: readonly Ranked<C>[]) {
    // The lists of a node keep the order of all.
    for (const entry of ranked) this.#listFor(entry.candidate).push(entry)
  }

  /** The first candidate for a request, if its path is read as this. Only what asks for no path is found for `*`. */
  find(path: string, reader: RequestReader): Ranked<C> | undefined {
    const isPath = path.charCodeAt(0) === SLASH
    return (isPath ? this.#byPath(path, reader) : undefined) ?? firstThatFits(this.#everywhere, reader)
  }

  #listFor({ path }: C): Ranked<C>[] {
    if (path === undefined || isEveryPath(path)) return this.#everywhere
    if (path.kind === 'regexp') return this.#patterns
    return path.kind === 'exact' ? this.#root.at(path.path).exact : this.#root.at(prefixOf(path)).prefixes
  }

  #byPath(path: string, reader: RequestReader): Ranked<C> | undefined {
    let node = this.#root
    let from = 1
    while (from !== 0) {
      const slash = path.indexOf('/', from)
      const child = node.children.get(path.slice(from, slash === -1 ? path.length : slash))
      if (!child) break
      node = child
      from = slash + 1
    }
    const exact = from === 0 ? firstThatFits(node.exact, reader) : undefined
    if (exact) return exact
    for (let at: PathNode<C> | undefined = node; at; at = at.parent) {
      const found = firstThatFits(at.prefixes, reader)
      if (found) return found
    }
    return this.#patterns.length > 0 ? this.#byPattern(path, reader) : undefined
  }

  #byPattern(path: string, reader: RequestReader): Ranked<C> | undefined {
    return this.#patterns.find(({ candidate }) => {
      const isMatch = candidate.path?.kind === 'regexp' && candidate.path.pattern.test(path)
      return isMatch && candidate.conditions.unmetBy(reader) === undefined
    })
  }
}

function firstThatFits<C extends Candidate>(
  list: readonly Ranked<C>[],
  reader: RequestReader
): Ranked<C> | undefined {
  for (const entry of list) {
    const { conditions } = entry.candidate
    if (conditions.isEmpty || conditions.unmetBy(reader) === undefined) return entry
  }
  return undefined
}

/** Candidates of a host in their order. */
export function rankedOf<C extends Candidate>(candidates: readonly C[]): Ranked<C>[] {
  return candidates.toSorted(compareCandidates).map((candidate, rank) => ({ candidate, rank }))
}
