import { test } from 'tap'
import { benchMatching } from '../../bench/matching'

test('the time to find a route is measured for each kind of path', async (t) => {
  const printed: string[] = []
  const isMet = benchMatching({ requests: 20, rounds: 3, warmUpRounds: 1 }, (text) => void printed.push(text))
  const [table = '', longest = '', verdicts = ''] = printed
  t.equal(printed.length, 3)
  for (const kind of ['of one reading', 'with a %2F']) {
    const row = table.split('\n').find((line) => line.includes(kind)) ?? ''
    const [few, many, ratio] = row.split('|').slice(2, 5).map(Number.parseFloat) as [number, number, number]
    t.ok(few > 0 && many > 0, row)
    t.ok(Math.abs(ratio - many / few) < 0.01, row)
  }
  t.ok(Number(/: ([\d.]+) µs/.exec(longest)?.[1]) > 0, longest)
  t.equal(verdicts.split('\n').length, 2)
  t.notMatch(printed.join('\n'), /NaN|Infinity|undefined/)
  t.type(isMet, 'boolean')
})
