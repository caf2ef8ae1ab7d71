import type { Directive } from '../directive.js'

/** The directives of a block, and those around it that it inherits. */
export class Scope {
  constructor(
    readonly directives: readonly Directive[],
    readonly outer?: Scope,
    /** The arguments of the location that it is of. */
    readonly location: readonly string[] = []
  ) {}

  /** Of the block itself. */
  own(name: string): Directive[] {
    return this.directives.filter((directive) => directive.name === name)
  }

  /** Those of the nearest block that has any, as nginx inherits: all of them or none. */
  all(...names: string[]): Directive[] {
    const own = this.directives.filter(({ name }) => names.includes(name))
    return own.length > 0 ? own : (this.outer?.all(...names) ?? [])
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
