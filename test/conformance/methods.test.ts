import { forwardedMethods } from './cases/methods.js'
import { testCases } from './harness.js'
import { testRefusals } from './refusals.js'
import { methods } from './refused/index.js'

for (const [name, cases] of Object.entries(forwardedMethods)) testCases(name, cases)

testRefusals('a method that nobody reads is refused', methods)
