import { testRefusals } from './refusals.js'
import { fieldLines, framing, hosts, requestLines } from './refused/index.js'

testRefusals('a request line that is none is refused', requestLines)
testRefusals('a field line that is none is refused', fieldLines)
testRefusals('a Host that is none is refused', hosts)
testRefusals('framing that can be read in two ways is refused', framing)
