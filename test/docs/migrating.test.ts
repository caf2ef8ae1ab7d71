import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { loadConfig } from '../../lib/config/load.js'
import { schema } from '../../lib/config/schema.js'
import { parseBackends } from '../../lib/pool/spec/backend-spec.js'
import { ROOT } from '../support/processes.js'

const GUIDE = readFileSync(path.join(ROOT, 'docs/migrating.md'), 'utf8')
const NAMED = ['GUIDE', 'deploy/compose.yml', 'deploy/Dockerfile', 'deploy/fairlead.service'] as const

const unquoted = (value: string) => value.replace(/^'(.*)'$/s, '$1')
/** Assignments of variables in a text, the values as a shell takes them. */
function assignments(text: string): [name: string, value: string][] {
  const pattern = /^((?:LB_[A-Z_]+|PORT))=('[^']*'|\S*)$/
  return text.split('\n').flatMap((line) => {
    const [, name, value = ''] = pattern.exec(line) ?? []
    return name ? [[name, unquoted(value)] as [string, string]] : []
  })
}

t.test('each configuration that another becomes is one', async (t) => {
  const blocks = [...GUIDE.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block!)
  t.equal(blocks.length, 3)
  for (const block of blocks) {
    const given = assignments(block)
    t.equal(given.length, block.trim().split('\n').length, 'each line of it sets a variable')
    const { backends } = loadConfig(Object.fromEntries(given))
    t.ok(backends.length >= 2)
  }
})

t.test('what is set in the text can be set', async (t) => {
  const spans = [...GUIDE.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!)
  const given = assignments(spans.join('\n'))
  t.ok(given.length > 50, `${given.length}`)
  for (const [name, value] of given) {
    const type = schema.entries[name as keyof typeof schema.entries]
    t.ok(type && v.safeParse(type, value).success, `${name}=${value}`)
  }
  const options = spans.filter((span) => span.startsWith(';'))
  t.ok(options.length > 10)
  for (const option of options) {
    const faults: string[] = []
    const place = option.startsWith(';tls-') ? 'https://app:443' : 'app:80'
    parseBackends(`${place}${option}`, (fault) => faults.push(fault))
    // One that ends in "=" is named without its value.
    t.same(option.endsWith('=') ? faults.filter((fault) => fault.includes('unknown')) : faults, [], option)
  }
})

t.test('every variable that is named exists', async (t) => {
  for (const file of NAMED) {
    const text = file === 'GUIDE' ? GUIDE : readFileSync(path.join(ROOT, file), 'utf8')
    for (const [name] of text.matchAll(/\bLB_[A-Z_]*[A-Z]\b/g))
      t.ok(name in schema.entries, `${file}: ${name}`)
  }
})

t.test('every variable that other proxies have something like is named', async (t) => {
  const ownAlone = new Set([
    'LB_HEDGE',
    'LB_KUBECONFIG',
    'LB_LANE',
    'LB_PANIC',
    'LB_RETRY_BUFFER',
    'LB_STATS_INTERVAL',
    'LB_ZONE'
  ])
  const isOwn = (name: string) => ownAlone.has(name) || name.startsWith('LB_REGISTER_')
  for (const name of Object.keys(schema.entries)) if (!isOwn(name)) t.ok(GUIDE.includes(`${name}`), name)
})
