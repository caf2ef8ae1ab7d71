import t from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { sharedSecret } from '../../../lib/base/cells/shared-secret.js'
import { KeyedHash } from '../../../lib/base/keyed-hash.js'

/** Of the reference implementation: with the key 00 01 … 07, of the bytes 00 01 … of so many. */
const VECTORS: readonly (readonly [length: number, hash: string])[] = [
  [0, '218d1f59b9b83cc8'],
  [1, 'be552412f8387315'],
  [3, 'ce0f1a45f7060679'],
  [4, 'd5e78a175be52ea1'],
  [7, 'ff202728b07bc684'],
  [8, 'edfee820bce4858c'],
  [15, '217d0bcb4e81c902'],
  [24, '70741045ae3fa6f1'],
  [63, '2ea63c71bf326087']
]

t.test('it is HalfSipHash-2-4', async (t) => {
  const hash = new KeyedHash([0x03020100, 0x07060504])
  for (const [length, expected] of VECTORS) {
    const bytes = Buffer.alloc(8)
    bytes.writeInt32LE(hash.of(String.fromCharCode(...Array(length).keys())), 0)
    bytes.writeInt32LE(hash.high, 4)
    t.equal(bytes.toString('hex'), expected, `${length} bytes`)
  }
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
