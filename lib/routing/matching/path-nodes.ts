import type { Candidate } from './candidate.js'

const SLASH = 0x2f
const FNV_PRIME = 0x01000193
const GOLDEN_RATIO = 0x9e3779b1

/** What the segments of a path lead to. */
export class PathNode<C extends Candidate> {
  /** Of the whole path, and of the tree that it is in. */
  readonly hash: number
  /** The last one of the path. */
  readonly segment: string
  readonly parent: PathNode<C> | undefined
  /** Most nodes are the last of a path. */
  hasChildren = false
  /** The next one in the same bucket. */
  next: PathNode<C> | undefined
  /** The first candidate for this path alone, and the first for all below it as well; others follow as their `next`. */
  exact: C | undefined
  prefixes: C | undefined

  constructor(hash: number, segment: string, parent: PathNode<C> | undefined) {
    this.hash = hash
    this.segment = segment
    this.parent = parent
  }
}

/**
 * The nodes of all trees of a table, in one hash table. Among requests a large table is not in the processor's cache, and
 * a lookup takes as long as the objects that it touches one after the other: here an array, a node and its text for each
 * segment. With a `Map` in each node there are four more, and a string is made of each segment.
 */
export class PathNodes<C extends Candidate = Candidate> {
  readonly #nodes: PathNode<C>[] = []
  #buckets: (PathNode<C> | undefined)[] = [undefined, undefined]
  #trees = 0

  /** What the hashes of a further tree begin with. */
  newSeed(): number {
    return Math.imul(++this.#trees, GOLDEN_RATIO)
  }

  /** The child of a node by the segment of a path that begins at a position; undefined if there is none. */
  childOf(parent: PathNode<C>, path: string, at: number): PathNode<C> | undefined {
    const hash = hashWith(path, at, parent.hash)
    let node = this.#buckets[this.#bucketOf(hash)]
    while (node && !(node.hash === hash && node.parent === parent && isSegment(node.segment, path, at)))
      node = node.next
    return node
  }

  /** The node of a path, which is made where there is none. */
  at(root: PathNode<C>, path: string): PathNode<C> {
    return path
      .split('/')
      .slice(1)
      .reduce((node, segment) => this.childOf(node, segment, 0) ?? this.#newChild(node, segment), root)
  }

  #newChild(parent: PathNode<C>, segment: string): PathNode<C> {
    const node = new PathNode(hashWith(segment, 0, parent.hash), segment, parent)
    parent.hasChildren = true
    this.#nodes.push(node)
    if (this.#nodes.length * 2 > this.#buckets.length) this.#grow()
    else this.#insert(node)
    return node
  }

  #grow(): void {
    this.#buckets = new Array(this.#buckets.length * 2).fill(undefined)
    for (const node of this.#nodes) this.#insert(node)
  }

  #insert(node: PathNode<C>): void {
    const bucket = this.#bucketOf(node.hash)
    node.next = this.#buckets[bucket]
    this.#buckets[bucket] = node
  }

  #bucketOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#buckets.length - 1)
  }
}

/** The hash of a path and a further segment (FNV-1a), which begins at a position of a text. */
function hashWith(text: string, from: number, hashBefore: number): number {
  let hash = hashBefore
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === SLASH) break
    hash = Math.imul(hash ^ code, FNV_PRIME)
  }
  return Math.imul(hash ^ SLASH, FNV_PRIME)
}

/** Whether a segment is the one that begins at a position of a path. */
function isSegment(segment: string, path: string, from: number): boolean {
  const end = from + segment.length
  return path.startsWith(segment, from) && (end === path.length || path.charCodeAt(end) === SLASH)
}
