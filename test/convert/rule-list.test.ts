import { convert } from '../../convert/index.js'
import { ANY, type PathCondition } from '../../convert/rules/conditions.js'
import type { Rule } from '../../convert/rules/rule.js'
import { RuleList } from '../../convert/rules/rule-list.js'
import { test } from '../helper.js'

const LOCATIONS = 1000
const at = { file: 'nginx.conf', line: 1 }

const rulesOf = (pathOf: (number: number) => PathCondition): Rule[] =>
  Array.from({ length: LOCATIONS }, (_, number) => ({
    at,
    when: { ...ANY, paths: [pathOf(number)] },
    does: { pool: 'web' }
  }))

const KINDS: Readonly<Record<string, (number: number) => PathCondition>> = {
  'exact paths': (number) => ({ kind: 'exact', path: `/p${number}/` }),
  prefixes: (number) => ({ kind: 'below', path: `/p${number}/` }),
  'beginnings of paths': (number) => ({ kind: 'starts', text: `/p${number}/` }),
  'regular expressions': (number) => ({ kind: 'regexp', source: `^/p${number}/` }),
  'regular expressions that ignore case': (number) => ({ kind: 'regexp', source: `(?i)^/P${number}/` })
}

for (const [kind, pathOf] of Object.entries(KINDS))
  test(`a rule is compared with those alone that may take the same requests: ${kind}`, async (t) => {
    const rules = rulesOf(pathOf)
    const list = new RuleList(rules)
    for (const rule of rules)
      t.same(
        list.near(rule.when).map((placed) => placed.rule),
        [rule]
      )
    t.equal(list.near(ANY).length, LOCATIONS)
  })

test('a rule in the place of another one is found, and the other one is not', async (t) => {
  const [one, other] = rulesOf((number) => ({ kind: 'below', path: `/p${number}` })) as [Rule, Rule]
  const list = new RuleList([one])
  list.replace(list.placed[0]!, other)
  t.same(list.near(one.when), [])
  t.same(list.near(other.when), list.placed)
  t.same(list.rules, [other])
})

test('expressions that ignore case go before what they share no path with', async (t) => {
  const text = `http {
    upstream a { server 10.0.0.1:80; }
    upstream b { server 10.0.0.2:80; }
    server {
      listen 80;
      location ~* ^/Api/ { proxy_pass http://b; }
      location /other/ { proxy_pass http://b; }
      location /api/v1/ { proxy_pass http://a; }
      location / { proxy_pass http://a; }
    }
  }`
  const { yaml } = convert('nginx', { text, file: 'nginx', port: undefined, env: {} })
  t.match(yaml, 'path-regexp: (?i)^/Api/')
  t.match(yaml, 'path-prefix: /other', 'nothing before it takes its paths')
})
