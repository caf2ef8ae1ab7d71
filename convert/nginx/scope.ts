import type { Directive } from '../directive.js'

/** The directives of a block, and those around it that it inherits. */
export class Scope {
  readonly #byName = new Map<string, Directive[]>()

  constructor(
    readonly directives: readonly Directive[],
    readonly outer?: Scope,
    /** The arguments of the location that it is of. */
    readonly location: readonly string[] = []
  ) {
    for (const directive of directives) {
      const same = this.#byName.get(directive.name)
      if (same) same.push(directive)
      else this.#byName.set(directive.name, [directive])
    }
  }

  /** Of the block itself. */
  own(name: string): readonly Directive[] {
    return this.#byName.get(name) ?? []
  }

  /** The first of the block itself whose name matches. By the names, which are few where a block has thousands of locations. */
  firstNamed(pattern: RegExp): Directive | undefined {
    for (const [name, [first]] of this.#byName) if (pattern.test(name)) return first
    return undefined
  }

  /** Those of the nearest block that has any, as nginx inherits: all of them or none. */
  all(...names: string[]): readonly Directive[] {
    if (!names.some((name) => this.#byName.has(name))) return this.outer?.all(...names) ?? []
    return this.directives.filter(({ name }) => names.includes(name))
  }

  /** The nearest one of this name. */
  last(name: string): Directive | undefined {
    return this.own(name).at(-1) ?? this.outer?.last(name)
  }

  /** The first argument of the nearest one. */
  value(name: string): string | undefined {
    return this.last(name)?.args[0]
  }
}

/** What passes the requests of a block on, which blocks in it do not inherit. */
export function passOf(scope: Scope): Directive | undefined {
  return scope.own('proxy_pass')[0] ?? scope.own('grpc_pass')[0]
}
