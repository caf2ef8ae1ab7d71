import { createServer } from 'node:http'
import t from 'tap'
import { AdminClient } from '../../../lib/admin/client.js'
import { listen } from '../../support/listen.js'

t.test('the token is shown for what is read too, as it is read by any host then', async (t) => {
  const shown: (string | undefined)[] = []
  const server = createServer((req, res) => {
    shown.push(req.headers.authorization)
    res.end('{"backends":[]}')
  })
  const url = `http://${await listen(t, server)}`
  await new AdminClient(url, 'a-token-of-24-characters').backends()
  await new AdminClient(url, '').backends()
  t.same(shown, ['Bearer a-token-of-24-characters', undefined])
})

t.test('what it is told of a host that is not known is what it says', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(421).end('{"code":"LB_FOREIGN_HOST","message":"List it in LB_ADMIN_HOSTS"}')
  })
  const client = new AdminClient(`http://${await listen(t, server)}`, '')
  await t.rejects(client.backends(), { message: 'List it in LB_ADMIN_HOSTS' })
})
