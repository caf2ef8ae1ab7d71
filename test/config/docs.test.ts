import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { configurationReference } from '../../bin/docs.js'
import { describeVariables } from '../../lib/config/schema.js'
import { LB, ROOT, run } from '../support/processes.js'

t.test('docs/configuration.md is what the schema says', async (t) => {
  const committed = readFileSync(path.join(ROOT, 'docs/configuration.md'), 'utf8').replaceAll('\r\n', '\n')
  t.equal(committed, configurationReference(), 'if not, run "npm run docs"')
})

t.test('it documents every variable, each on a line of its own', async (t) => {
  const rows = configurationReference()
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  for (const { name, info } of describeVariables()) {
    t.same(
      rows.filter(([, variable]) => variable === `\`${name}\``),
      [
        [
          '',
          `\`${name}\``,
          info.flags ? `\`${info.flags}\`` : '',
          `\`${info.fallback}\``,
          info.unit ?? '',
          info.description,
          ''
        ]
      ]
    )
  }
})

t.test('lb --help lists every variable', async (t) => {
  const { code, stdout } = await run([LB, '--help'], {})
  t.equal(code, 0)
  const text = stdout.replace(/\s+/g, ' ')
  for (const { name, info } of describeVariables()) {
    t.ok(text.includes(`[${name}]`), name)
    t.ok(text.includes(info.description.replaceAll('`', '')), `${name}: ${info.description}`)
  }
})

t.test('lb --version', async (t) => {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  t.same(await run([LB, '--version'], {}), { code: 0, stdout: `${version}\n`, stderr: '' })
})
