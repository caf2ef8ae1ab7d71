/** Uniform numbers in [0, 1). */
export type Random = () => number

/** Damages text as a sequence of random numbers says. */
export class Damage {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  below(bound: number): number {
    return Math.floor(this.random() * bound)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /**
   * Removes, replaces, doubles or overwrites some bytes, or inserts before them.
   * @param kind 0 to 3, or more to insert
   * @param trouble what is put in
   */
  bytes(kind: number, text: string, at: number, end: number, trouble: readonly string[]): string {
    switch (kind) {
      case 0:
        return text.slice(0, at) + text.slice(end)
      case 1:
        return text.slice(0, at) + this.pick(trouble) + text.slice(end)
      case 2:
        return text.slice(0, at) + text.slice(at, end).repeat(2) + text.slice(end)
      case 3:
        return text.slice(0, at) + String.fromCharCode(this.below(256)) + text.slice(at + 1)
      default:
        return text.slice(0, at) + this.pick(trouble) + text.slice(at)
    }
  }
}
