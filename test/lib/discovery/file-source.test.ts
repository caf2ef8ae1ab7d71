import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { FileSource } from '../../../lib/discovery/file/file-source.js'
import type { Member } from '../../../lib/discovery/member.js'
import { test } from '../../support/test.js'

test('what is no file, or is too large, is a failure, and blocks nothing', async (t) => {
  const dir = t.testdir()
  const at = (name: string) => path.join(dir, name)
  /** What a file tells: its members, or why not. */
  const told = (file: string) => {
    const heard: unknown[] = []
    const source = new FileSource(
      { path: file },
      {
        template: { isTls: false, options: [] },
        options: { dns: { servers: [] }, kubernetes: { kubeconfig: '', zone: '' } },
        faultOf: () => undefined,
        warn: () => {},
        listener: {
          onMembers: (members: readonly Member[]) => void heard.push(members.length),
          onFailure: (reason) => void heard.push(reason),
          onNone: () => {}
        }
      }
    )
    source.start()
    source.stop()
    return heard
  }
  const written = (name: string, content: unknown) => {
    writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content))
    return told(at(name))
  }
  execFileSync('mkfifo', [at('pipe')])
  mkdirSync(at('folder'))
  for (const name of [at('pipe'), at('folder'), '/dev/zero'])
    t.same(told(name), ['is not a regular file'], name)
  t.same(written('long', ' '.repeat(4 * 1024 * 1024 + 1)), ['has more than 4194304 bytes'])
  const many = Array.from({ length: 10_001 }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`)
  t.same(written('many', many), ['has more than 10000 backends'])
  t.same(written('most', many.slice(1)), [10_000])
  const [reason] = written('wrong', Array(5000).fill('nonsense'))
  t.match(reason, /^"nonsense": is not .*; and 4990 more$/)
  t.ok(String(reason).length < 1000)
})
