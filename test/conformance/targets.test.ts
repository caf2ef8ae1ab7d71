import { forwardedTargets } from './cases/targets.js'
import { testCases } from './harness.js'
import { testRefusals } from './refusals.js'
import { targets } from './refused/index.js'

for (const [name, cases] of Object.entries(forwardedTargets)) testCases(name, cases)

testRefusals('a target that has no form for a backend is refused', targets)
