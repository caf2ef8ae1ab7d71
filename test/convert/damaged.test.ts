import { convert } from '../../convert/index.js'
import { test } from '../helper.js'
import { SettingsFile } from '../support/config-file.js'
import { seededRandom } from '../support/random.js'
import { EXAMPLES } from './cases/index.js'

const ROUNDS = 60
/** What names files that are not there. */
const OF_FILES = /^LB_CONFIG: [^ ]*(?:tls-(?:cert|key)|backend-(?:ca|cert|key))/

/** A text with a few lines of another one in it, or without some of its own. */
function damaged(text: string, other: string, random: () => number): string {
  const lines = text.split('\n')
  const foreign = other.split('\n')
  const any = (list: readonly string[]) => Math.floor(random() * list.length)
  for (let count = 0; count < 1 + random() * 3; count++) {
    const [at, kind] = [any(lines), random()]
    if (kind < 0.35) lines.splice(at, 0, foreign[any(foreign)]!)
    else if (kind < 0.55) lines.splice(at, 1)
    else if (kind < 0.75) lines[at] = foreign[any(foreign)]!
    else {
      const words = (lines[at] ?? '').split(' ')
      words.splice(any(words), 1)
      lines[at] = words.join(' ')
    }
  }
  return lines.join('\n')
}

test('a damaged file becomes a valid configuration or an error that says why', async (t) => {
  const file = new SettingsFile(t)
  const random = seededRandom(7)
  let converted = 0
  let refused = 0
  for (let round = 0; round < ROUNDS; round++)
    for (const [format, cases] of EXAMPLES) {
      const any = () => cases[Math.floor(random() * cases.length)]!.text
      const text = damaged(any(), any(), random).replaceAll('/etc/ssl', '/nonexistent')
      try {
        const { yaml } = convert(format, { text, file: format, port: undefined, env: {} })
        const faults = file.faults(yaml).filter((fault) => !OF_FILES.test(fault))
        if (faults.length > 0) t.fail(`${faults.join('\n')} of\n${text}`)
        converted++
      } catch (error) {
        if ((error as Error).name !== 'ConvertError') t.error(error, text)
        refused++
      }
    }
  t.ok(converted > ROUNDS && refused > 5, `${converted} converted, ${refused} refused`)
})
