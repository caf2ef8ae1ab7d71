import { request } from 'node:http'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

/** What Prometheus would read. */
export interface Exposed {
  readonly samples: readonly Sample[]
  /** Of each metric. */
  readonly types: ReadonlyMap<string, string>
  /** The sum of the samples of this name which have these labels; `undefined` if there are none. */
  sum(name: string, labels?: Labels): number | undefined
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy

/** Reads the text format of Prometheus, and throws at a line that is none, or at a series that comes twice. */
export function readExposition(text: string): Exposed {
  const types = new Map<string, string>()
  const series = new Map<string, Sample>()
  for (const line of text.split('\n')) {
    const [, metric, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (metric) types.set(metric, type!)
    if (line === '' || line.startsWith('#')) continue
    const [, name, list = '', value] = LINE.exec(line) ?? []
    if (name === undefined) throw new Error(`no sample: ${line}`)
    const labels = Object.fromEntries([...list.matchAll(LABEL)].map(([, key, text]) => [key, text!]))
    const id = JSON.stringify([name, Object.entries(labels).sort()])
    if (series.has(id)) throw new Error(`twice: ${line}`)
    series.set(id, { name, labels, value: Number(value) })
  }
  const samples = [...series.values()]
  const sum = (name: string, labels: Labels = {}) => {
    const wanted = Object.entries(labels)
    const found = samples.filter(
      (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value)
    )
    return found.length === 0 ? undefined : found.reduce((total, { value }) => total + value, 0)
  }
  return { samples, types, sum }
}

/** Reads the metrics of the balancer on a port of this machine, over a connection of their own. */
export function scrape(port: number): Promise<Exposed> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/__lb/metrics', agent: false }
    const sent = request(options, async (response) => {
      const parts = await response.setEncoding('utf8').toArray()
      if (response.statusCode === 200) resolve(readExposition(parts.join('')))
      else reject(new Error(`status ${response.statusCode}: ${parts.join('')}`))
    })
    sent.on('error', reject).end()
  })
}

/** The counts of ended requests, as `backend method code: count`, in order. */
export function requestCounts({ samples }: Exposed): string[] {
  return samples
    .filter(({ name }) => name === 'fairlead_requests_total')
    .map(({ labels: { backend, method, code }, value }) => `${backend} ${method} ${code}: ${value}`)
    .sort()
}

/** What is wrong with the histograms: nothing, if each bucket holds those below it, and the last one all. */
export function histogramFaults({ samples, types, sum }: Exposed): string[] {
  const faults: string[] = []
  for (const [name, type] of types) {
    if (type !== 'histogram') continue
    const last = new Map<string, { le: number; value: number }>()
    for (const { labels, value } of samples.filter((sample) => sample.name === `${name}_bucket`)) {
      const { le, ...others } = labels
      const key = JSON.stringify(others)
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
      const before = last.get(key) ?? { le: Number.NEGATIVE_INFINITY, value: 0 }
      if (!(bound > before.le)) faults.push(`${name}${key}: ${le} is not above ${before.le}`)
      if (value < before.value) faults.push(`${name}${key}: less up to ${le} than before`)
      last.set(key, { le: bound, value })
    }
    for (const [key, { le, value }] of last) {
      if (le !== Number.POSITIVE_INFINITY) faults.push(`${name}${key}: ends at ${le}`)
      if (value !== sum(`${name}_count`, JSON.parse(key)))
        faults.push(`${name}${key}: ${value} is not the count`)
      if (!((sum(`${name}_sum`, JSON.parse(key)) ?? -1) >= 0)) faults.push(`${name}${key}: no sum`)
    }
  }
  return faults
}
