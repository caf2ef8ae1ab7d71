/** Everything that is wrong with a configuration, one fault a line. It has no stack: the fault is not in the code. */
export class ConfigError extends Error {
  readonly code = 'LB_BAD_CONFIG'
  constructor(
    readonly faults: readonly string[],
    what = 'The configuration is wrong'
  ) {
    super(`${what}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.stack = this.message
  }
}
