import { type Candidate, isEveryPath, prefixOf } from './candidate.js'
import { PathNode, type PathNodes } from './path-nodes.js'
import type { RequestReader } from './request-reader.js'

const SLASH = 0x2f

/**
 * The candidates of a host by their paths, segment by segment: the root of a tree. To find one takes as long as the
 * longest path of a route, and not as long as that of the request.
 */
export class PathTree<C extends Candidate = Candidate> extends PathNode<C> {
  readonly #nodes: PathNodes<C>
  readonly #patterns: readonly C[]
  #everywhere: C | undefined

  /**
   * @param candidates in the order of their ranks, which the lists of each node keep
   * @param nodes those of all trees of the table
   */
  constructor(candidates: readonly C[], nodes: PathNodes<C>) {
    super(nodes.newSeed(), '', undefined)
    this.#nodes = nodes
    this.#patterns = candidates.filter(({ path }) => path?.kind === 'regexp')
    // Each is put in front of those that come after it.
    for (const candidate of candidates.toReversed()) this.#add(candidate)
  }

  /** The first candidate for a request, if its path is read as this. Only what asks for no path is found for `*`. */
  find(path: string, reader: RequestReader): C | undefined {
    const isPath = path.charCodeAt(0) === SLASH
    return (isPath ? this.#byPath(path, reader) : undefined) ?? firstThatFits(this.#everywhere, reader)
  }

  #add(candidate: C): void {
    const { path } = candidate
    if (path === undefined || isEveryPath(path)) {
      candidate.next = this.#everywhere
      this.#everywhere = candidate
    } else if (path.kind === 'exact') {
      const node = this.#nodes.at(this, path.path)
      candidate.next = node.exact
      node.exact = candidate
    } else if (path.kind === 'prefix') {
      const node = this.#nodes.at(this, prefixOf(path))
      candidate.next = node.prefixes
      node.prefixes = candidate
    }
  }

  #byPath(path: string, reader: RequestReader): C | undefined {
    let node: PathNode<C> = this
    /** Where the path of the node ends. */
    let end = 0
    while (node.hasChildren && end < path.length) {
      const child = this.#nodes.childOf(node, path, end + 1)
      if (!child) break
      node = child
      end += 1 + child.segment.length
    }
    const exact = end === path.length ? firstThatFits(node.exact, reader) : undefined
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

function firstThatFits<C extends Candidate>(first: C | undefined, reader: RequestReader): C | undefined {
  let candidate = first
  while (candidate?.conditions?.unmetBy(reader)) candidate = candidate.next as C | undefined
  return candidate
}
