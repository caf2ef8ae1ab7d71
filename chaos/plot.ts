import type { Experiment } from './experiment.js'
import type { Fault } from './faults.js'
import type { Timeline } from './timeline.js'

const widthPx = 260
const heightPx = 90
const backendColours = ['#d97706', '#2563eb', '#60a5fa', '#bfdbfe']
const failedColour = '#dc2626'

/** A page of small plots without outside assets: a row for each fault, a column for each proxy. */
export function page(faults: Fault[], experiments: Experiment[], facts: string[]): string {
  const peers = [...new Set(experiments.map(({ peer }) => peer))]
  const rows = faults.map((fault) => {
    const ofFault = experiments.filter((experiment) => experiment.fault === fault.name)
    const highest = Math.max(1, ...ofFault.map(({ timeline }) => highestOf(timeline)))
    const cells = peers.map((peer) => {
      const experiment = ofFault.find((candidate) => candidate.peer === peer)
      return `<td>${experiment ? plot(experiment, highest) : ''}</td>`
    })
    return `<tr><th scope="row">${escapeHtml(fault.name)}<small>${escapeHtml(fault.summary)}</small></th>${cells.join('')}</tr>`
  })
  const head = peers.map((peer) => `<th scope="col">${escapeHtml(peer)}</th>`).join('')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Fairlead: backends that break</title>
<style>
  body { font: 14px/1.4 system-ui, sans-serif; margin: 24px; color: #111; background: #fff }
  th { text-align: left; vertical-align: top; padding: 4px 12px 4px 0 }
  th small { display: block; font-weight: normal; max-width: 16em; color: #555 }
  td { padding: 4px 12px 12px 0 }
  td p { margin: 0; font-size: 12px; color: #555 }
  i { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px }
</style>
<h1>Backends that break</h1>
<p>Requests per 100 ms, by the backend that answered, from the start of the baseline on. The grey band is the fault. All plots
of a row have the same scale.</p>
<p>${legend()}</p>
<table>
<tr><td></td>${head}</tr>
${rows.join('\n')}
</table>
<ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>
</html>
`
}

/** One proxy under one fault: stacked bars, the failed requests on top. */
export function plot({ figures, timeline }: Experiment, highest: number): string {
  const { binMs, faultMs, recoveryMs, failed, answered } = timeline
  const barPx = widthPx / failed.length
  const x = (ms: number) => round((ms / binMs) * barPx)
  const bars = layers(timeline).map(({ colour, below, counts }) => {
    const steps = counts.map((count, bin) => {
      if (count === 0) return ''
      const topPx = heightPx * (1 - (below[bin]! + count) / highest)
      return `M${round(bin * barPx)} ${round(topPx)}h${round(barPx)}v${round((heightPx * count) / highest)}h${round(-barPx)}z`
    })
    return `<path fill="${colour}" d="${steps.join('')}"/>`
  })
  const perSecond = Math.round((highest * 1000) / binMs)
  const label = `${figures.failed} of ${figures.requests} failed, ${figures.waitedOverSecond} waited over 1 s`
  return (
    `<svg role="img" aria-label="${label}" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}">` +
    `<title>${label}; the top is ${perSecond} requests/s, ${answered.length} backends</title>` +
    `<rect x="${x(faultMs)}" width="${round(x(recoveryMs) - x(faultMs))}" height="${heightPx}" fill="#e5e7eb"/>` +
    `${bars.join('')}<path stroke="#9ca3af" d="M0 ${heightPx}h${widthPx}"/></svg>` +
    `<p>${figures.failed} failed, ${figures.waitedOverSecond} over 1 s, p99 ${figures.fault.p99Ms.toFixed(0)} ms</p>`
  )
}

function layers({ answered, failed }: Timeline): { colour: string; below: number[]; counts: number[] }[] {
  let below = failed.map(() => 0)
  return [...answered, failed].map((counts, index) => {
    const colour = index === answered.length ? failedColour : backendColours[index % backendColours.length]!
    const layer = { colour, below, counts }
    below = below.map((sum, bin) => sum + counts[bin]!)
    return layer
  })
}

function highestOf({ answered, failed }: Timeline): number {
  return failed.reduce(
    (highest, count, bin) =>
      Math.max(
        highest,
        answered.reduce((sum, counts) => sum + counts[bin]!, count)
      ),
    0
  )
}

function legend(): string {
  const names = backendColours.map((colour, index) => [colour, `backend ${index}`])
  return [...names, [failedColour, 'failed']]
    .map(([colour, name]) => `<i style="background:${colour}"></i>${name}`)
    .join('')
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
