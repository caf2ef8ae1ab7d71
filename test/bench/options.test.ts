import path from 'node:path'
import { test } from 'tap'

import { firstVersion } from '../../bench/commands'
import { parseOpenFilesLimit } from '../../bench/environment'
import { parseBytes, readOptions } from '../../bench/options'
import { fairleadBefore } from '../../bench/peers/fairlead'

test('every number of connections meets every body size', async (t) => {
  const { settings } = readOptions(['--connections', '64,512', '--body', '33,10m'], [], [])
  t.same(settings, [
    { connections: 64, bodyBytes: 33 },
    { connections: 64, bodyBytes: 10_485_760 },
    { connections: 512, bodyBytes: 33 },
    { connections: 512, bodyBytes: 10_485_760 }
  ])
})

test('without arguments every proxy runs under one small load', async (t) => {
  const options = readOptions([], [], [])
  t.same(options.settings, [{ connections: 64, bodyBytes: 33 }])
  t.ok(['fairlead', 'reply-from', 'nginx', 'go'].every((name) => options.only.includes(name)))
  t.match(options, { rounds: 3, seconds: 3, pin: false, check: false, hold: undefined })
})

test('a check brings its own loads and proxies, which can be narrowed', async (t) => {
  const few = [{ connections: 1, bodyBytes: 1 }]
  t.match(readOptions(['--check'], few, ['fairlead', 'nginx']), {
    settings: few,
    only: ['fairlead', 'nginx']
  })
  t.same(readOptions(['--check', '--only', 'fairlead'], few, ['fairlead', 'nginx']).only, ['fairlead'])
})

test('another checkout runs as a peer of its own', async (t) => {
  t.equal(readOptions(['--before', '../old'], [], []).before, '../old')
  t.equal(readOptions([], [], []).before, undefined)
  const root = path.join(__dirname, '..', '..', '..')
  t.match(fairleadBefore(root), { name: 'before' })
  t.equal(fairleadBefore(root).find(), path.join(root, 'dist', 'bin', 'lb.js'))
  t.equal(fairleadBefore(path.join(root, 'nowhere')).find(), undefined)
})

test('a hold run has a number of connections of its own', async (t) => {
  t.equal(readOptions(['--hold'], [], []).hold, 2000)
  t.equal(readOptions(['--hold', '300'], [], []).hold, 300)
})

test('sizes are bytes, or powers of 1024 with a letter', async (t) => {
  t.same(['33', '1k', '100K', '10m'].map(parseBytes), [33, 1024, 102_400, 10_485_760])
  for (const wrong of ['0', '65m', '1.5k', '10 m', 'k', '']) t.throws(() => parseBytes(wrong), wrong)
})

test('versions and limits are found in what the system prints', async (t) => {
  t.equal(firstVersion('nginx version: nginx/1.22.1'), '1.22.1')
  t.equal(firstVersion('nothing of the kind'), '?')
  const limits = (soft: string) =>
    `Limit Soft Hard Units\nMax open files            ${soft}    1048576    files\n`
  t.equal(parseOpenFilesLimit(limits('1024')), 1024)
  t.equal(parseOpenFilesLimit(limits('unlimited')), Number.POSITIVE_INFINITY)
})
