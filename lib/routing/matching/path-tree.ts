import { type Candidate, isEveryPath, prefixOf } from './candidate.js'
import type { RequestReader } from './request-reader.js'

const SLASH = 0x2f

/** What the segments of a path lead to. */
class PathNode<C extends Candidate> {
  /** Undefined for none: most nodes are the last of a path. */
  children: Map<string, PathNode<C>> | undefined
  readonly exact: C[] = []
  readonly prefixes: C[] = []
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
    this.children ??= new Map()
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
  readonly #patterns: C[] = []
  readonly #everywhere: C[] = []

  /** @param candidates in the order of their ranks, which the lists of each node keep */
  constructor(candidates: readonly C[]) {
    for (const candidate of candidates) this.#listFor(candidate).push(candidate)
  }

  /** The first candidate for a request, if its path is read as this. Only what asks for no path is found for `*`. */
  find(path: string, reader: RequestReader): C | undefined {
    const isPath = path.charCodeAt(0) === SLASH
    return (isPath ? this.#byPath(path, reader) : undefined) ?? firstThatFits(this.#everywhere, reader)
  }

  #listFor({ path }: C): C[] {
    if (path === undefined || isEveryPath(path)) return this.#everywhere
    if (path.kind === 'regexp') return this.#patterns
    return path.kind === 'exact' ? this.#root.at(path.path).exact : this.#root.at(prefixOf(path)).prefixes
  }

  #byPath(path: string, reader: RequestReader): C | undefined {
    let node = this.#root
    let from = 1
    while (from !== 0) {
      const slash = path.indexOf('/', from)
      const child = node.children?.get(path.slice(from, slash === -1 ? path.length : slash))
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

  #byPattern(path: string, reader: RequestReader): C | undefined {
    return this.#patterns.find(({ path: asked, conditions }) => {
      const isMatch = asked?.kind === 'regexp' && asked.pattern.test(path)
      return isMatch && conditions?.unmetBy(reader) === undefined
    })
  }
}

function firstThatFits<C extends Candidate>(list: readonly C[], reader: RequestReader): C | undefined {
  for (const candidate of list) if (candidate.conditions?.unmetBy(reader) === undefined) return candidate
  return undefined
}
