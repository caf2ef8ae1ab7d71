import { readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { convert, type Format, lineOf } from '../../convert/index.js'
import { test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { SettingsFile } from '../support/config-file.js'
import { ROOT } from '../support/processes.js'
import { EXAMPLES } from './cases/index.js'

/** What a case becomes. */
interface Expected {
  readonly findings: readonly string[]
  readonly converted: unknown
}

/** By the names of the cases. */
const expected = (format: Format) =>
  load(readFileSync(path.join(ROOT, `test/convert/expected/${format}.yml`), 'utf8')) as Record<
    string,
    Expected
  >

for (const [format, cases] of EXAMPLES) {
  test(`${format}: each example becomes what is expected, and names what it leaves out`, async (t) => {
    const all = expected(format)
    t.same(
      Object.keys(all),
      cases.map(({ name }) => name)
    )
    for (const { name, text } of cases) {
      const { yaml, findings } = convert(format, { text, file: format, port: undefined, env: {} })
      t.same(load(yaml), all[name]!.converted, name)
      t.same(findings.map(lineOf), all[name]!.findings, name)
      // They stand at the top of the file as well.
      for (const finding of findings) t.ok(yaml.includes(`# ${lineOf(finding)}\n`), lineOf(finding))
    }
  })

  test(`${format}: each converted example is a valid configuration`, async (t) => {
    const file = new SettingsFile(t)
    const by = authority(t)
    const { certFile, keyFile } = by ? by.issue('example.com') : { certFile: '', keyFile: '' }
    for (const { name, text: given } of cases) {
      const isTls = given.includes('/etc/ssl/')
      if (isTls && !by) continue
      const text = given
        .replaceAll('/etc/ssl/ca.pem', by?.file ?? '')
        .replace(/\/etc\/ssl\/[\w.]+\.key/g, keyFile)
        .replace(/\/etc\/ssl\/[\w.]+\.pem/g, certFile)
      const { yaml } = convert(format, { text, file: format, port: undefined, env: {} })
      // HAProxy has the key in the file of the certificate.
      const whole =
        format === 'haproxy' && isTls
          ? yaml.replace(`tls-key:\n  - ${certFile}`, `tls-key:\n  - ${keyFile}`)
          : yaml
      t.same(file.faults(whole), [], name)
    }
  })
}
