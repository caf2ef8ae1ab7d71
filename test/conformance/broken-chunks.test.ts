import { testRefusals } from './refusals.js'
import { chunks } from './refused/index.js'

testRefusals('a body that breaks is broken off at the backend as well', chunks, true)
