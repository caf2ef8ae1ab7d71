import { existsSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { connect } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, type Balancer, eventually, startBalancer, test } from '../helper.js'
import { type Authority, authority, contents } from '../support/certificates.js'
import { Child } from '../support/child.js'
import { needs } from '../support/command.js'
import { answerOn } from '../support/http2-client.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const TRUSTED = { LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** A certificate with its key behind it, as these servers want it. */
function combined(by: Authority, name: string): string {
  const { cert, key } = contents(by.issue(name))
  const file = path.join(by.folder, `${name}.combined.pem`)
  writeFileSync(file, cert + key)
  return file
}

/** Whether somebody listens on a port. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Starts a program of the system that listens on a port. */
async function started(t: Test, program: string, args: readonly string[], port: number): Promise<void> {
  const child = new Child(t, args, {}, { program })
  await eventually(() => {
    if (child.ended !== undefined) throw new Error(`${program} has ended: ${child.output}`)
    return listens(port)
  }, 10_000)
}

async function haproxy(t: Test, by: Authority | undefined, port: number, config: string): Promise<void> {
  const file = path.join(by?.folder ?? t.testdir(), `haproxy-${port}.cfg`)
  const defaults = 'defaults\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n'
  writeFileSync(file, `global\n maxconn 100\n${defaults}${config}`)
  await started(t, 'haproxy', ['-db', '-f', file], port)
}

/** The fields of a request that came through, over HTTP/1.1 and TLS. */
async function askSecurely(port: number, by: Authority, client = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      ca: by.pem,
      servername: 'localhost',
      agent: false as const,
      ...client
    }
    request(options, (res) => res.resume().on('end', () => resolve(res.statusCode!)))
      .on('error', reject)
      .end()
  })
}

async function askHttp2(t: Test, port: number, by: Authority): Promise<number> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: by.pem, servername: 'localhost' })
  session.on('error', () => {})
  atEnd(t, () => session.destroy())
  const { status } = await answerOn(session.request({ ':path': '/', ':authority': 'localhost' }))
  session.close()
  return status
}

/** At the end of a test it would be asked whether it is well without a header. */
async function close({ fastify, stats }: Balancer): Promise<void> {
  await eventually(() => stats().requests.inFlight === 0)
  await fastify.close()
}

const told = (backend: RawBackend, ...names: string[]) => {
  const { fields } = backend.requests.pop()!
  return names.map((name) => fieldValue(fields, name))
}

test('TLS ends at hitch, with HTTP/1.1 and HTTP/2', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'hitch')) return
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], { ...TRUSTED, LB_HSTS: '60' })
  for (const protocol of ['--write-proxy-v2', '--write-proxy-v1']) {
    const port = await freePort()
    // It does not serve as root.
    const user = process.getuid!() === 0 ? ['--user=nobody'] : []
    const ends = [...user, `--frontend=[127.0.0.1]:${port}`, `--backend=[127.0.0.1]:${balancer.port}`]
    await started(
      t,
      'hitch',
      [...ends, protocol, '--alpn-protos=h2,http/1.1', combined(by, 'localhost')],
      port
    )
    const isTold = protocol === '--write-proxy-v2'
    t.equal(await askSecurely(port, by), 200)
    const scheme = isTold ? 'https' : 'http'
    t.same(told(backend, 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'via'), [
      '127.0.0.1',
      scheme,
      `${port}`,
      '1.1 fairlead'
    ])
    if (!isTold) continue
    t.equal(await askHttp2(t, port, by), 200)
    t.same(told(backend, 'x-forwarded-for', 'x-forwarded-proto', 'via'), [
      '127.0.0.1',
      'https',
      '2.0 fairlead'
    ])
  }
  t.equal(balancer.stats().connections.proxyHeadersRefused, 0)
  await close(balancer)
})

test('TLS ends at HAProxy, which tells the name in the client’s certificate', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'haproxy')) return
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], TRUSTED)
  const [tcp, http] = [await freePort(), await freePort()]
  const bind = `ssl crt ${combined(by, 'localhost')} ca-file ${by.file} verify optional`
  await haproxy(
    t,
    by,
    tcp,
    `listen tcp
 mode tcp
 unique-id-format %{+X}o%ci%cp%ts
 bind 127.0.0.1:${tcp} ${bind} alpn h2,http/1.1
 server lb 127.0.0.1:${balancer.port} send-proxy-v2-ssl-cn proxy-v2-options ssl-cipher,cert-sig,cert-key,crc32c,authority,unique-id check inter 100
listen http
 mode http
 bind 127.0.0.1:${http} ${bind} alpn h2,http/1.1
 server lb 127.0.0.1:${balancer.port} send-proxy-v2-ssl-cn proxy-v2-options crc32c
`
  )
  const named = contents(by.issue('client.example'))
  for (const [client, name] of [
    [named, 'client.example'],
    [{}, undefined]
  ] as const) {
    t.equal(await askSecurely(tcp, by, client), 200)
    t.same(told(backend, 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-ssl-client-cn'), [
      '127.0.0.1',
      'https',
      `${tcp}`,
      name
    ])
  }
  t.equal(await askHttp2(t, tcp, by), 200)
  t.same(told(backend, 'via', 'x-forwarded-proto'), ['2.0 fairlead', 'https'])
  // In this mode it tells what the client has agreed on, and speaks HTTP/1.1.
  t.equal(await askHttp2(t, http, by), 200)
  t.same(told(backend, 'via', 'x-forwarded-proto'), ['1.1 fairlead', 'https'])
  t.equal(balancer.stats().connections.proxyHeadersRefused, 0)
  await close(balancer)
})

test('HAProxy behind is told who the client is', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'haproxy')) return
  const [plain, secure] = [await freePort(), await freePort()]
  await haproxy(
    t,
    by,
    plain,
    `frontend behind
 mode http
 bind 127.0.0.1:${plain} accept-proxy
 bind 127.0.0.1:${secure} accept-proxy ssl crt ${combined(by, 'localhost')} alpn h2,http/1.1
 http-request return status 200 content-type text/plain lf-string "%[src] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"
`
  )
  for (const place of [`127.0.0.1:${plain}`, `https://127.0.0.1:${secure}`, `https://127.0.0.1:${secure};h2`])
    for (const version of place.startsWith('https') ? ['v2'] : ['v1', 'v2']) {
      const tls = place.startsWith('https') ? ';tls-name=localhost' : ''
      const balancer = await startBalancer(t, `${place};proxy=${version}${tls}`, {
        ...TRUSTED,
        LB_BACKEND_CA: by.file,
        LB_NO_HEALTH_CHECK: 'false',
        LB_HEALTH_CHECK_PERIOD: '0.2'
      })
      await eventually(() => balancer.registry.eligibleCount === 1, 5000)
      const header = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x36', 'latin1')
      const addresses = Buffer.alloc(36)
      addresses.set([0x20, 1, 0xd, 0xb8], 0)
      addresses[15] = 9
      addresses.set([0x20, 1, 0xd, 0xb8], 16)
      addresses.writeUInt16BE(443, 34)
      const tlvs = Buffer.from('\x02\0\x0bapp.example\x05\0\x01i', 'latin1')
      const sent = Buffer.concat([header, addresses, tlvs]).toString('latin1') + GET
      const answer = await exchange(t, balancer.port, sent)
      t.equal(statusOf(answer), 200)
      const names = version === 'v2' ? 'app.example i' : ' '
      t.equal(answer.body.toString(), `2001:db8::9 2001:db8:: 443 ${names}`, `${place} ${version}`)
      await close(balancer)
    }
})

test('nginx behind is told who the client is', async (t) => {
  if (!needs(t, 'nginx')) return
  const port = await freePort()
  const folder = t.testdir()
  const file = path.join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
http { access_log off; ${temporary}
 server { listen 127.0.0.1:${port} proxy_protocol;
  location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; } } }
`
  )
  await started(t, 'nginx', ['-p', folder, '-c', file, '-e', 'stderr'], port)
  for (const version of ['v1', 'v2']) {
    const balancer = await startBalancer(t, `127.0.0.1:${port};proxy=${version}`, {
      LB_TRUSTED_PROXIES: '127.0.0.1',
      LB_NO_HEALTH_CHECK: 'false',
      LB_HEALTH_CHECK_PERIOD: '0.2'
    })
    await eventually(() => balancer.registry.eligibleCount === 1, 5000)
    for (const address of ['203.0.113.9', '2001:db8::9']) {
      const asked = GET.replace('\r\n\r\n', `\r\nX-Forwarded-For: ${address}\r\n\r\n`)
      const answer = await exchange(t, balancer.port, asked)
      // It shows a port of 0, which nobody knows, as nothing.
      t.equal(answer.body.toString(), `${address}  ${balancer.port}`, version)
    }
    await balancer.fastify.close()
  }
})

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

test('nginx in front tells who the client is', async (t) => {
  if (!needs(t, 'nginx')) return
  if (!existsSync(STREAM_MODULE)) {
    t.pass('the stream module of nginx is not installed', { skip: true })
    return
  }
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], TRUSTED)
  const port = await freePort()
  const folder = t.testdir()
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `load_module ${STREAM_MODULE}; daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
stream { server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${balancer.port}; proxy_protocol on; } }
`
  )
  await started(t, 'nginx', ['-p', folder, '-c', file, '-e', 'stderr'], port)
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.same(told(backend, 'x-forwarded-for', 'x-forwarded-port'), ['127.0.0.1', `${port}`])
  await close(balancer)
})
