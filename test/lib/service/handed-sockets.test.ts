import t from 'tap'
import { handoverVariables, isSuccessor, takeHandedSockets } from '../../../lib/service/handed-sockets.js'

const PID = 4242
const of = (env: Record<string, string | undefined>, fromPredecessor = false) =>
  Object.fromEntries(takeHandedSockets(env, PID, fromPredecessor, (fd) => fd < 10))
const own = { LISTEN_PID: `${PID}` }

t.test('sockets of systemd are taken by their names', async (t) => {
  t.same(of({ ...own, LISTEN_FDS: '3', LISTEN_FDNAMES: 'admin:client:redirect' }), {
    admin: { fd: 3, address: undefined },
    client: { fd: 4, address: undefined },
    redirect: { fd: 5, address: undefined }
  })
  t.same(of({}), {})
  for (const names of [{}, { LISTEN_FDNAMES: 'fairlead.socket' }, { LISTEN_FDNAMES: 'client' }])
    t.same(of({ ...own, LISTEN_FDS: '1', ...names }), { client: { fd: 3, address: undefined } }, 'one only')
})

t.test('those of another process are left alone, and no variables are passed on', async (t) => {
  const env = { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'client', FAIRLEAD_HANDOVER: '[":: 80"]' }
  t.same(of(env), {}, 'nor can the environment alone say that there was a predecessor')
  t.same(env, {})
  t.notOk(isSuccessor({ env: { FAIRLEAD_HANDOVER: '[]' } }))
  t.ok(isSuccessor({ env: { FAIRLEAD_HANDOVER: '[]' }, send: () => true }))
})

t.test('what one process hands on, the next one takes', async (t) => {
  const sockets = [
    { purpose: 'client', fd: 20, address: ':: 8000' },
    { purpose: 'admin', fd: 9, address: undefined }
  ] as const
  t.same(of({ ...handoverVariables(sockets), LISTEN_PID: '1' }, true), {
    client: { fd: 3, address: ':: 8000' },
    admin: { fd: 4, address: undefined }
  })
})

t.test('what cannot be understood is refused', async (t) => {
  for (const [env, fault] of [
    [{ LISTEN_FDS: '8' }, /descriptor 10 is not a socket|named unknown/],
    [{ LISTEN_FDS: '2', LISTEN_FDNAMES: 'client:client' }, /there can be one socket for client/],
    [{ LISTEN_FDS: '2', LISTEN_FDNAMES: 'client:stats' }, /named stats, not client, redirect, admin/],
    [{ LISTEN_FDS: '2' }, /a socket is named unknown/]
  ] as const)
    t.throws(() => of({ ...own, ...env }), { message: fault })
  t.throws(() => takeHandedSockets({ ...own, LISTEN_FDS: '1' }, PID, false, () => false), {
    message: 'LISTEN_FDS=1: descriptor 3 is not a socket'
  })
})
