// The page: a model that is updated by the event stream, and the views of it.

import { Announcer } from './announcer.js'
import { Api } from './api.js'
import { Chart } from './chart.js'
import { changeItem } from './details.js'
import { byId, setAttribute, setText } from './dom.js'
import { count, milliseconds, ofScale, rate, span } from './format.js'
import { Model } from './model.js'
import { Operator } from './operator.js'
import { poolsAlarm } from './pool.js'
import { Pools } from './pools.js'
import { Routes } from './routes.js'
import { Stream } from './stream.js'
import { shortageAlarm, Totals } from './totals.js'

const RECENT = 12
const STREAM_WORDS = { live: 'Live', stalled: 'Stalled', waiting: 'Reconnecting', connecting: 'Connecting' }

const model = new Model()
const announcer = new Announcer()
const operator = new Operator(new Api(model), model, announcer)
const totals = new Totals(byId('totals'))
const pools = new Pools(operator)
const routes = new Routes()
const requestsChart = new Chart(byId('charts'), {
  title: 'Requests per second',
  least: 4,
  format: rate,
  axis: ofScale(rate),
  series: [
    { key: 'requests', label: 'Requests', kind: 'requests' },
    { key: 'errors', label: 'Errors (5xx)', kind: 'errors' }
  ]
})
const latencyChart = new Chart(byId('charts'), {
  title: 'Latency',
  least: 0.4,
  format: milliseconds,
  axis: ofScale(milliseconds),
  series: [
    { key: 'p50', label: 'p50', kind: 'p50' },
    { key: 'p99', label: 'p99', kind: 'p99' }
  ]
})

let recentShown

function showHead({ now, healthyCount, backends, pools, hasPools }) {
  const isDraining = now.state === 'draining'
  setText(byId('version'), now.version)
  setText(byId('uptime'), span(now.uptimeSeconds * 1000))
  setText(byId('state-text'), isDraining ? 'Draining' : 'Serving')
  setAttribute(byId('state'), 'class', `state ${isDraining ? 'draining' : 'healthy'}`)
  setAttribute(byId('state').querySelector('use'), 'href', isDraining ? '#icon-draining' : '#icon-healthy')
  const where = hasPools ? ` in ${count(pools.size)} pools` : ''
  setText(byId('healthy'), `${count(healthyCount)} of ${count(backends.size)} healthy${where}`)
  const away = backends.size - healthyCount
  setAttribute(byId('healthy'), 'data-bad', away > 0)
  document.title = `${away > 0 ? `(${away} out) ` : ''}Fairlead ${location.host}`
  const alarms = [poolsAlarm(pools), shortageAlarm(now)].filter((text) => text !== '').join(' ')
  setText(byId('alarm-text'), alarms)
  setAttribute(byId('alarm'), 'hidden', alarms === '')
}

function showRecent() {
  const changes = model.recentChanges(RECENT)
  if (changes === recentShown) return
  recentShown = changes
  byId('recent').replaceChildren(
    ...changes.map(({ at, to, reason, address, pool }) =>
      changeItem(at, to, reason, address, model.hasPools ? pool : undefined)
    )
  )
}

/** A hidden page is not drawn. */
function show() {
  if (document.hidden || !model.now) return
  showHead(model)
  operator.show()
  totals.show(model)
  requestsChart.draw(model.samples, model.now.at)
  latencyChart.draw(model.samples, model.now.at)
  pools.show(model)
  routes.show(model)
  showRecent()
}

function showStream(state, detail = '') {
  const place = byId('stream')
  if (place.dataset.state !== state && (place.dataset.state !== 'connecting' || state !== 'live'))
    announcer.say(state === 'live' ? 'Live again' : `${STREAM_WORDS[state]}. ${detail}`)
  place.dataset.state = state
  setText(byId('stream-text'), STREAM_WORDS[state])
  setText(byId('stream-detail'), detail)
  setAttribute(document.body, 'data-stale', state !== 'live')
}

const take = (changes) => {
  announcer.say(...changes)
  show()
}

new Stream({
  state: showStream,
  all: (all) => take(model.replace(all)),
  tick: (tick) => take(model.advance(tick))
})
document.addEventListener('visibilitychange', show)
