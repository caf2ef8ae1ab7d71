/** A configuration of another proxy, and what it becomes. */
export interface Case {
  readonly name: string
  /** Backends are hosts in `.internal`, and the port is 80. */
  readonly text: string
  /** What is asked of the original and of the converted configuration; undefined where they are not run. */
  readonly asked?: Asked
}

/** Requests: all of these hosts with all of these targets and methods, each with each of these sets of fields. */
export interface Asked {
  readonly hosts: readonly string[]
  readonly targets: readonly string[]
  readonly methods?: readonly string[]
  readonly fields?: readonly Readonly<Record<string, string>>[]
  /** Targets that are answered otherwise, as a finding says. */
  readonly differing?: readonly string[]
}
