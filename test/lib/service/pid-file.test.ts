import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { PidFile } from '../../../lib/service/pid-file.js'

t.test('a process removes its own number only', async (t) => {
  const folder = t.testdir()
  const name = path.join(folder, 'lb.pid')
  const file = new PidFile(name)
  file.write()
  t.equal(readFileSync(name, 'utf8'), `${process.pid}\n`)
  t.same(readdirSync(folder), ['lb.pid'])
  writeFileSync(name, `${process.pid + 1}\n`)
  file.remove()
  t.ok(existsSync(name), 'another process has taken over')
  file.write()
  file.remove()
  t.notOk(existsSync(name))
  t.doesNotThrow(() => file.remove())
})

t.test('a file that cannot be written leaves nothing behind', async (t) => {
  const folder = t.testdir({ 'lb.pid': {} })
  t.throws(() => new PidFile(path.join(folder, 'lb.pid')).write())
  t.same(readdirSync(folder), ['lb.pid'])
})
