import t from 'tap'
import { trimBlanks } from '../../../../../lib/base/http/characters.js'
import { HeadReader } from '../../../../../lib/listener/http1/lane/head-reader.js'
import { SPECIAL_FIELDS } from '../../../../../lib/proxy/request/request-head.js'

t.test('lines that versions of Node read differently are left to it', async (t) => {
  const limits = { headBytes: 16_384, targetBytes: 8192, fields: 1000, bodyBytes: 0, special: SPECIAL_FIELDS }
  const reader = new HeadReader(limits)
  const read = (line: string) => reader.read(`PUT / HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`)
  for (const line of ['Content-Length: 0\t', 'Connection: close\t', 'Connection: keep-alive \t'])
    t.equal(read(line), -1, JSON.stringify(line))
  for (const line of ['Content-Length: \t0', 'Connection:\tclose'])
    t.not(read(line), -1, JSON.stringify(line))
})

t.test('a run of blanks in a value costs no more than other characters', async (t) => {
  const value = `a${' '.repeat(16_000)}b`
  const before = process.cpuUsage()
  for (let i = 0; i < 20; i++) t.equal(trimBlanks(` \t${value}\t `), value)
  const { user } = process.cpuUsage(before)
  t.ok(user < 500_000, `${user} µs for twenty`)
})
