import { test } from 'tap'

import type { Experiment } from '../../chaos/experiment.js'
import { faults } from '../../chaos/faults.js'
import { figuresOf } from '../../chaos/figures.js'
import { page } from '../../chaos/plot.js'
import { describeFault } from '../../chaos/table.js'
import { describeVerdict, judge } from '../../chaos/targets.js'
import { timelineOf } from '../../chaos/timeline.js'
import { type Row, recordingOf } from './recording.js'

const kill = faults.find(({ name }) => name === 'kill')!

function experiment(peer: string, fault: string, rows: Row[] = []): Experiment {
  const recording = recordingOf([[1500, 10, 'ok', 1], [2500, 12.34, 'ok', 1], ...rows])
  const timeline = timelineOf(recording.samples, recording.moments, 2)
  return { peer, fault, died: false, figures: figuresOf(recording), timeline }
}

const cut: Row = [3500, 20, 'cut', -1]

test('a fault is a table of proxies, with the kinds of failures below', async (t) => {
  const lines = describeFault(kill, [
    experiment('fairlead', 'kill'),
    experiment('nginx', 'kill', [cut])
  ]).split('\n')
  t.equal(lines[0], '### kill: SIGKILL of one, and its restart')
  t.match(lines[2], /proxy .* requests .* failed /)
  t.match(lines[4], /^\| fairlead +\| +2 \| +0 \| +0 % \| +0 \| +12\.3 \| /)
  t.match(lines[5], /^\| nginx +\| +3 \| +1 \| +100\.00 % \| /)
  t.same(lines.slice(6), ['', '- nginx: 1 cut'])
})

test('a proxy that ended is said to have', async (t) => {
  t.match(
    describeFault(kill, [{ ...experiment('nginx', 'kill'), died: true }]),
    /- nginx: the proxy itself ended$/
  )
})

test('targets are judged for the faults that ran, and failures against the best peer', async (t) => {
  const verdicts = judge([
    experiment('fairlead', 'kill', [cut]),
    experiment('nginx', 'kill'),
    experiment('caddy', 'kill', [cut, cut])
  ])
  t.same(verdicts.map(describeVerdict), [
    '- MISSED: kill: no request fails (1)',
    '- MISSED: kill: no more failed requests than the best peer, nginx with 0 (1)'
  ])
  t.same(
    judge([experiment('fairlead', 'kill'), experiment('nginx', 'kill')]).map(({ met }) => met),
    [true, true]
  )
})

test('a peer that died is no yardstick, and without peers only the targets count', async (t) => {
  const ours = experiment('fairlead', 'reset', [cut])
  t.same(judge([ours]), [])
  t.same(judge([ours, { ...experiment('nginx', 'reset'), died: true }]), [])
})

test('a target that could not be measured is missed', async (t) => {
  const [share] = judge([experiment('fairlead', 'slow')])
  t.match(share, { value: undefined, met: false })
})

test('the page holds a plot for each experiment, and needs nothing from elsewhere', async (t) => {
  const html = page(
    [kill],
    [experiment('fairlead', 'kill'), experiment('nginx', 'kill', [cut])],
    ['a <fact>']
  )
  t.equal(html.match(/<svg /g)?.length, 2)
  t.notMatch(html, /(src|href)=|url\(|NaN|undefined/)
  t.match(html, 'a &lt;fact&gt;')
  // The failed request: in the 25th of 50 bins, and it is the tallest bar there.
  t.match(html, /<path fill="#dc2626" d="M130 0h5.2v90h-5.2z"\/>/)
  t.match(html, '1 of 3 failed, 0 waited over 1 s')
})
