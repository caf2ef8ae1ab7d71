import t from 'tap'
import { compilePattern } from '../../../lib/routing/pattern.js'

t.test('a pattern matches anywhere in a text, unless it is anchored', async (t) => {
  const pattern = compilePattern('b+c')
  t.equal(pattern.source, 'b+c')
  t.ok(pattern.test('abbbcd'))
  t.notOk(pattern.test('ac'))
  t.notOk(compilePattern('^b').test('ab'))
  t.ok(compilePattern('(?i)^/ADMIN$').test('/admin'))
})

t.test('what is no pattern of RE2 is refused in plain words', async (t) => {
  const wrong: Record<string, RegExp> = {
    '(': /^not a regular expression of RE2: missing closing \): `\(`$/,
    'a**': /invalid nested repetition operator/,
    '(?=x)': /invalid or unsupported Perl syntax: `\(\?=`/,
    '(a)\\1': /invalid escape sequence/,
    '[z-a]': /invalid character class range/,
    'a{1001}': /invalid repeat count/
  }
  for (const [source, message] of Object.entries(wrong))
    t.throws(() => compilePattern(source), { message }, source)
})

t.test('a pattern that is too large is refused', async (t) => {
  t.throws(() => compilePattern('a'.repeat(1025)), { message: /at most 1024 characters, this one has 1025/ })
  t.throws(() => compilePattern('(abc){900}'), { message: /too large: repeat less/ })
  t.ok(compilePattern('[a-z]{1,100}').test('abc'))
})

t.test('time grows with the length of a text, and no faster', async (t) => {
  const hostile = ['(a+)+$', '(a|aa)+$', '(.*a){20}$', '(a?){50}a{50}b', '([a-z]+)*[0-9]$']
  for (const source of hostile) {
    const pattern = compilePattern(source)
    const started = process.cpuUsage()
    pattern.test(`${'a'.repeat(8000)}!`)
    const { user } = process.cpuUsage(started)
    t.ok(user < 2_000_000, `${source}: ${user} µs`)
  }
})
