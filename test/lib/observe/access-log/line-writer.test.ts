import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { LineWriter } from '../../../../lib/observe/access-log/line-writer.js'
import { eventually, test } from '../../../helper.js'

const LINES = 3000

/** A writer, and what it tells. */
function writing(file: string, heldBytes?: number) {
  const told = { dropped: 0, broken: [] as string[] }
  const writer = new LineWriter(
    file,
    {
      onDropped: (lines) => {
        told.dropped += lines
      },
      onBroken: (error) => told.broken.push((error as NodeJS.ErrnoException).code!)
    },
    heldBytes
  )
  return { writer, told }
}

const line = (i: number) => `line ${i} ${'.'.repeat(100)}\n`
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => line(from + i)).join('')
const fileIn = (t: Test) => path.join(t.testdir({}), 'access.log')

test('lines are added to a file, soon and in order', async (t) => {
  const file = fileIn(t)
  fs.writeFileSync(file, 'before\n')
  const { writer, told } = writing(file)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  await eventually(() => fs.readFileSync(file, 'utf8') === `before\n${lines(0, LINES)}`)
  for (let i = 0; i < 3; i++) writer.write(line(i))
  await writer.end()
  t.equal(
    fs.readFileSync(file, 'utf8'),
    `before\n${lines(0, LINES)}${lines(0, 3)}`,
    'the last ones at the end'
  )
  t.same(told, { dropped: 0, broken: [] })
})

test('a file that is moved away is made anew', async (t) => {
  const file = fileIn(t)
  const { writer, told } = writing(file)
  writer.write(line(0))
  await eventually(() => fs.readFileSync(file, 'utf8') === line(0))
  fs.renameSync(file, `${file}.1`)
  let written = 1
  await eventually(() => {
    writer.write(line(written++))
    return fs.existsSync(file)
  }, 3000)
  await writer.end()
  t.equal(fs.readFileSync(`${file}.1`, 'utf8') + fs.readFileSync(file, 'utf8'), lines(0, written))
  t.same(told, { dropped: 0, broken: [] })
})

test('a reader that takes nothing costs lines, not memory, and gets whole ones', async (t) => {
  const fifo = fileIn(t)
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const { writer, told } = writing(fifo, 100_000)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  const kept = LINES - told.dropped
  t.ok(kept * line(0).length <= 100_000 + line(0).length * 50, `${kept} lines are kept`)
  t.ok(told.dropped > LINES / 2, 'the others are counted')
  let text = ''
  const buffer = Buffer.alloc(65_536)
  const read = () => {
    try {
      text += buffer.toString('latin1', 0, fs.readSync(reader, buffer))
    } catch {
      // Nothing is there at the moment.
    }
    return text.length
  }
  await eventually(() => read() >= lines(0, kept).length)
  t.equal(text, lines(0, kept))
  writer.write(line(0))
  await eventually(() => read() > lines(0, kept).length)
  t.equal(text, lines(0, kept) + line(0), 'and it goes on')
  await writer.end()
  fs.closeSync(reader)
})

test('the end waits for no reader for long', async (t) => {
  const fifo = fileIn(t)
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const { writer } = writing(fifo)
  for (let i = 0; i < LINES; i++) writer.write(line(i))
  const startMs = performance.now()
  await writer.end()
  t.ok(performance.now() - startMs < 3000)
  fs.closeSync(reader)
})

test('what cannot be written is told once, and counted', async (t) => {
  const { writer, told } = writing('/dev/full')
  for (let i = 0; i < 100; i++) writer.write(line(i))
  await eventually(() => told.dropped === 100)
  t.same(told.broken, ['ENOSPC'])
  await writer.end()
})

test('a file that cannot be opened is an error at once', async (t) => {
  t.throws(() => writing(path.join(t.testdir({}), 'no', 'such')), { code: 'ENOENT' })
})
