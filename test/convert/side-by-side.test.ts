import { Agent } from 'node:http'
import { atEnd, test } from '../helper.js'
import { needs } from '../support/command.js'
import { ask, type Question, startConverted, startOriginal, withBackends } from '../support/side-by-side.js'
import type { Asked } from './cases/case.js'
import { EXAMPLES } from './cases/index.js'

function* questions({ hosts, targets, methods = ['GET'], fields = [{}] }: Asked): Generator<Question> {
  for (const host of hosts)
    for (const target of targets)
      for (const method of methods) for (const own of fields) yield { host, target, method, fields: own }
}

for (const [format, cases] of EXAMPLES)
  test(`${format} and its converted configuration give the same answers`, async (t) => {
    if (!needs(t, format)) return
    const agent = new Agent({ keepAlive: true })
    atEnd(t, () => agent.destroy())
    let count = 0
    for (const { name, text: given, asked } of cases) {
      if (!asked) continue
      const text = await withBackends(t, given)
      const [original, converted] = await Promise.all([
        startOriginal(t, format, text),
        startConverted(t, format, text)
      ])
      for (const question of questions(asked)) {
        const [before, after] = await Promise.all([
          ask(original, question, agent),
          ask(converted, question, agent)
        ])
        t.same(after, before, `${name}: ${JSON.stringify(question)}`)
        count++
      }
    }
    t.ok(count > 100, `${count}`)
  })
