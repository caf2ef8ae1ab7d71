import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { test } from '../helper.js'
import { LB, run } from '../support/processes.js'
import { runInProcess } from '../support/run-in-process.js'

const HTTP = 'upstream app { server app1:3000; }\ninclude sites/*.conf;\n'
const SITE = 'server { listen 80; location / { proxy_pass http://app; proxy_set_header Host $host; } }\n'

test('lb convert writes the configuration, names what is left out, and says so by its exit code', async (t) => {
  const folder = t.testdir()
  const write = (name: string, text: string) => {
    const file = path.join(folder, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  write('sites/one.conf', SITE)
  const whole = write('nginx.conf', `http {\n${HTTP}}\n`)
  const partly = write('partly.conf', `gzip on;\n${SITE.replace('http://app', 'http://127.0.0.1:1')}`)
  const broken = write('broken.conf', 'server {\n')
  const unclear = write('notes.txt', 'nothing')

  const understood = await run([LB, 'convert', whole], {})
  t.same([understood.code, understood.stderr], [0, ''])
  t.same(load(understood.stdout), {
    port: 80,
    'no-health-check': true,
    'max-body-size': 1_048_576,
    pools: { app: { backends: ['app1:3000'], algorithm: 'round-robin' } },
    routes: [{ pool: 'app' }]
  })

  const left = await run([LB, 'convert', partly], {})
  const line = `${partly}:1: left out: gzip on: it does not compress: let the backends do so, or a CDN in front`
  t.same([left.code, left.stderr], [2, `${line}\n`])
  t.ok(left.stdout.includes(`# ${line}\n`))

  const refused = await run([LB, 'convert', broken], {})
  t.same([refused.code, refused.stdout], [1, ''])
  t.equal(refused.stderr, `lb: ${broken}:1: "server { … }" has no "}" that closes it\n`)
  for (const [args, message] of [
    [[path.join(folder, 'none.conf')], 'lb: ENOENT: no such file or directory'],
    [[unclear], `lb: ${unclear}: say what it is by --from nginx, haproxy or caddy`],
    [[unclear, '--from', 'nginx'], `lb: ${unclear}:1: ";" is missing after "nothing"`],
    [[whole, '--port', '81'], 'lb: no server listens on port 81'],
    [[whole, '--port', 'x'], 'It must be a port, from 1 to 65535.'],
    [[whole, '--from', 'apache'], 'Allowed choices are nginx, haproxy, caddy.']
  ] as const) {
    const { code, stderr } = await runInProcess(['convert', ...args], {})
    t.equal(code, 1, args.join(' '))
    t.ok(stderr.includes(message), stderr)
  }
})
