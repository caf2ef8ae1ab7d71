#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander'
import { Harness, type Reporter, type Scenario } from '../scenarios/harness.js'
import { scenarios } from '../scenarios/index.js'
import { StallWatch } from '../scenarios/stalls.js'

const LAST_LINES = 15

interface Options {
  test: Scenario[]
  quick?: boolean
  list?: boolean
}

function named(name: string, chosen: Scenario[] | undefined): Scenario[] {
  const scenario = scenarios.find((candidate) => candidate.name === name)
  if (!scenario) {
    throw new InvalidArgumentError(`It must be one of ${scenarios.map((known) => known.name).join(', ')}.`)
  }
  return [...(chosen ?? []), scenario]
}

const options = new Command('scenarios')
  .description('Runs lb and be as real processes and checks what clients see of it.')
  .helpOption('-h, --help', 'show this help')
  .option('--test <name>', 'run this scenario only; can be given more than once', named)
  .option('--quick', 'shorter periods and fewer requests: all in well under a minute')
  .option('--list', 'list the scenarios')
  .allowExcessArguments(false)
  .parse()
  .opts<Options>()

class ConsoleReporter implements Reporter {
  checks = 0
  failures = 0

  check(passed: boolean, what: string, detail: string | undefined): void {
    this.checks++
    if (!passed) this.failures++
    console.log(`  ${passed ? 'ok  ' : 'FAIL'}  ${what}${passed || !detail ? '' : `\n        ${detail}`}`)
  }

  note(text: string): void {
    console.log(`  note  ${text}`)
  }
}

/** Runs one scenario; true if every check passed. */
async function run(scenario: Scenario, reporter: ConsoleReporter): Promise<boolean> {
  console.log(`${scenario.name}: ${scenario.summary}`)
  const failuresBefore = reporter.failures
  const harness = new Harness(reporter, options.quick ?? false)
  const watch = new StallWatch()
  try {
    await scenario.run(harness)
  } catch (error) {
    reporter.check(false, 'it could be run to its end', (error as Error).message)
  }
  const stalledMs = watch.stop()
  if (stalledMs > 0)
    reporter.note(`this process was not run for ${(stalledMs / 1000).toFixed(1)} s: times do not tell much`)
  await harness.stop()
  const passed = reporter.failures === failuresBefore
  if (!passed) {
    console.log('  The last lines of its processes:')
    for (const line of harness.lastOutput(LAST_LINES)) console.log(`    ${line}`)
  }
  console.log('')
  return passed
}

async function main(): Promise<void> {
  const startMs = performance.now()
  const reporter = new ConsoleReporter()
  const chosen = options.test ?? scenarios
  const failed: string[] = []
  for (const scenario of chosen) if (!(await run(scenario, reporter))) failed.push(scenario.name)

  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const what = `${chosen.length} ${chosen.length === 1 ? 'scenario' : 'scenarios'}, ${reporter.checks} checks`
  if (failed.length === 0) console.log(`${what}: all passed, ${seconds} s`)
  else console.log(`${what}: ${reporter.failures} failed in ${failed.join(', ')}, ${seconds} s`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

// An explicit exit also ends the processes that were started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

if (options.list) for (const { name, summary } of scenarios) console.log(`${name.padEnd(18)}${summary}`)
else void main()
