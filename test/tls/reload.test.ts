import { copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { atEnd, type Balancer, eventually, test } from '../helper.js'
import { Authority, authority, contents } from '../support/certificates.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { shown, startSecureBalancer } from '../support/secure-balancer.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
/** To notice a change, and to wait whether more comes. */
const NOTICE_MS = 5000

/** Puts a pair into the place of another one, as certbot does. */
function replace(pair: KeyPairFiles, by: KeyPairFiles): void {
  for (const file of ['certFile', 'keyFile'] as const) {
    copyFileSync(by[file], `${pair[file]}.new`)
    renameSync(`${pair[file]}.new`, pair[file])
  }
}

/** The name that the balancer shows to a new client. */
function shownTo(ca: string, { port }: Pick<Balancer, 'port'>, servername = 'localhost'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(`${socket.getPeerCertificate().subject.CN}`)
      socket.destroy()
    })
  })
}

test('certificates are replaced under load: no handshake fails, and new clients see the new ones', async (t) => {
  const by = authority(t)
  if (!by) return
  const [first, second] = [by.issue('old.test', 'localhost'), by.issue('old-two.test', 'two.test')]
  const newer = [by.issue('new.test', 'localhost'), by.issue('new-two.test', 'two.test')]
  const backend = await scripted(t, answering(OK))
  const balancer = await startSecureBalancer(t, by, [backend], shown(first, second))
  const stays = await RawClient.open(t, balancer.port)
  const faults: unknown[] = []
  const seen = new Set<string>()
  let isLoaded = true
  const load = async (servername: string) => {
    while (isLoaded) {
      const name = await shownTo(by.pem, balancer, servername).catch((error) => void faults.push(error))
      if (name) seen.add(name)
    }
  }
  const loads = ['localhost', 'two.test', 'localhost', 'two.test'].map(load)
  await eventually(() => seen.size === 2)
  replace(first, newer[0]!)
  replace(second, newer[1]!)
  await eventually(() => seen.size === 4, NOTICE_MS)
  isLoaded = false
  await Promise.all(loads)
  t.same(faults, [])
  t.same(seen, new Set(['old.test', 'old-two.test', 'new.test', 'new-two.test']))
  t.equal(await shownTo(by.pem, balancer), 'new.test')
  t.equal(await shownTo(by.pem, balancer, 'two.test'), 'new-two.test')
  stays.send(GET)
  t.equal(statusOf(await stays.response()), 200, 'those that are there stay')
  t.match(balancer.log.at(-1), { names: ['new-two.test', 'two.test'] })
})

test('a wrong pair changes nothing, says so, and is followed by a right one', async (t) => {
  const by = authority(t)
  if (!by) return
  const [pair, newer] = [by.issue('old.test', 'localhost'), by.issue('new.test', 'localhost')]
  const balancer = await startSecureBalancer(t, by, [await scripted(t, answering(OK))], shown(pair))
  const errors = () => balancer.log.filter(({ level }) => level === 50).map(({ msg }) => msg)
  copyFileSync(newer.certFile, pair.certFile)
  await eventually(() => errors().length === 1, NOTICE_MS)
  t.match(errors()[0], /all stays as it was: ".*key" is not the key of the certificate in ".*pem"/)
  t.equal(await shownTo(by.pem, balancer), 'old.test')
  writeFileSync(pair.certFile, contents(newer).cert.slice(0, 300))
  await eventually(() => errors().length === 2, NOTICE_MS)
  t.match(errors()[1], /has no certificate in PEM/)
  t.notMatch(JSON.stringify(balancer.log), /BEGIN|at .*:\d+:\d+/, 'neither a secret nor a stack')
  t.equal(await shownTo(by.pem, balancer), 'old.test')
  replace(pair, newer)
  await eventually(async () => (await shownTo(by.pem, balancer)) === 'new.test', NOTICE_MS)
  t.equal(errors().length, 2)
})

test('whose certificates clients may show is read anew as well, and no session outlives that', async (t) => {
  const by = authority(t)
  if (!by) return
  const other = new Authority(by.folder, 'other')
  const file = `${by.folder}/clients.pem`
  copyFileSync(by.file, file)
  const [own, others] = [contents(by.issue('a.test')), contents(other.issue('b.test'))]
  const env = { ...shown(by.issue('localhost')), LB_TLS_CLIENT_CA: file }
  const balancer = await startSecureBalancer(t, by, [await scripted(t, answering(OK))], env, others)
  const known = { ca: by.pem, servername: 'localhost', maxVersion: 'TLSv1.2' } as const
  const sessions: Buffer[] = []
  const before = connect({ host: '127.0.0.1', port: balancer.port, ...known, ...own })
  atEnd(t, () => before.destroy())
  before.on('session', (session: Buffer) => sessions.push(session))
  await eventually(() => sessions.length > 0)
  copyFileSync(other.file, file)
  const works = async (options: object) => {
    const client = await RawClient.open(t, balancer.port, { ...known, ...options }).catch(() => undefined)
    client?.send(GET)
    const response = await client?.response().catch(() => undefined)
    client?.socket.destroy()
    return response !== undefined
  }
  await eventually(() => works(others), NOTICE_MS)
  t.notOk(await works(own))
  t.notOk(await works({ ...own, session: sessions.at(-1) }))
})
