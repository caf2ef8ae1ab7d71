import { createHash } from 'node:crypto'
import t from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { sharedSecret } from '../../../lib/base/cells/shared-secret.js'
import { KeyedHash } from '../../../lib/base/keyed-hash.js'

t.test('a text has one hash by each key, that of SHA-256 over both', async (t) => {
  const hash = new KeyedHash('key')
  const digest = createHash('sha256').update('key\0text').digest()
  t.same(hash.of('text'), { low: digest.readInt32LE(0), high: digest.readInt32LE(4) })
  for (let i = 0; i < 10_000; i++) hash.of(`${i}`)
  t.same(
    hash.of('text'),
    { low: digest.readInt32LE(0), high: digest.readInt32LE(4) },
    'once it is forgotten, too'
  )
  t.notSame(new KeyedHash('other').of('text'), hash.of('text'))
  t.notSame(hash.of('texts'), hash.of('text'))
})

t.test('all threads have one secret, and no other balancer has it', async (t) => {
  const threads = (own: number) => ({ count: 2, own })
  const directory = new CellDirectory()
  const owner = sharedSecret(new SharedCells(threads(0), directory), 'a')
  t.same(sharedSecret(new SharedCells(threads(0), directory), 'a'), owner, 'made once')
  const follower = new SharedCells(threads(1), new CellDirectory(directory.all))
  t.same(sharedSecret(follower, 'a'), owner)
  t.notSame(sharedSecret(new SharedCells(threads(0), new CellDirectory()), 'a'), owner)
})
