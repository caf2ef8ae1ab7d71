import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { closeGraceDelay } from '../../fastify.config.js'
import { test } from '../helper.js'
import { Child } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { type Env, ROOT, run } from '../support/processes.js'

const read = (file: string) => readFileSync(path.join(ROOT, 'deploy', file), 'utf8')
const DOCKERFILE = read('Dockerfile')
const COMPOSE = read('compose.yml')
const [BUILD = '', FINAL = ''] = DOCKERFILE.split(/^(?=FROM )/m).slice(1)

/** A list as Dockerfile and YAML both write it, such as `["node", "x.js"]`, behind what it is for. */
function listBehind(text: string, what: RegExp): string[] {
  const [, list = '[]'] = new RegExp(`${what.source}\\s*(\\[[^\\]]*\\])`, 'm').exec(text) ?? []
  return JSON.parse(list)
}

/** Behind `node`, which all of these begin with. */
function scriptBehind(text: string, what: RegExp): string[] {
  const [program, ...args] = listBehind(text, what)
  if (program !== 'node') throw new Error(`${what.source} does not start node`)
  return args
}

/** What the image holds, in a folder. */
async function imageFolder(t: Test): Promise<string> {
  const folder = t.testdir({ opt: {}, tmp: {} })
  const [opt, tmp] = [path.join(folder, 'opt'), path.join(folder, 'tmp')]
  const shell = (script: string) => command(t, 'sh', ['-c', `cd '${ROOT}' && ${script}`])
  const runs = [...BUILD.matchAll(/^RUN (npm pack .*|tar .*)$/gm)].map(([, script]) => script!)
  t.equal(runs.length, 2)
  for (const script of runs) {
    const inFolder = script.replaceAll('/tmp', tmp).replaceAll('/opt', opt)
    const { code, stderr } = await shell(inFolder)
    t.equal(code, 0, script, { stderr })
  }
  const image = path.join(opt, 'package')
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(image, 'node_modules'), 'junction')
  return image
}

test('the image starts what it says, and its health check sees how that is', async (t) => {
  if (!needs(t, 'npm') || !needs(t, 'tar')) return
  const image = await imageFolder(t)
  for (const left of ['lib', 'test', 'dist/test', 'dist/bench'])
    t.notOk(existsSync(path.join(image, left)), left)

  const [, settings = ''] = /^ENV (.*)$/m.exec(FINAL) ?? []
  const env: Env = Object.fromEntries(settings.split(' ').map((setting) => setting.split('=')))
  t.equal(env.NODE_ENV, 'production')
  t.equal(/^EXPOSE (\d+)$/m.exec(FINAL)?.[1], env.PORT)

  const backends: number[] = []
  for (const app of ['app1', 'app2']) {
    const service = COMPOSE.slice(COMPOSE.indexOf(`  ${app}:`))
    const [script = '', ...options] = [
      ...scriptBehind(COMPOSE, /entrypoint:/),
      ...listBehind(service, /command:/)
    ]
    t.equal(options[1], '8080')
    const backend = new Child(t, [script, ...options.with(1, '0')], {}, { cwd: image })
    await backend.untilPrinted(/:\d+\b/)
    backends.push(Number(/:(\d+)\b/.exec(backend.output)![1]))
  }
  const [, listed = ''] = /LB_BACKENDS: (.*)$/m.exec(COMPOSE) ?? []
  t.equal(listed, 'app1:8080 app2:8080')
  const [, checked = ''] = /LB_HEALTH_CHECK_URL: (.*)$/m.exec(COMPOSE) ?? []
  const balancer = new Child(
    t,
    scriptBehind(FINAL, /^ENTRYPOINT/),
    {
      ...env,
      PORT: '0',
      LB_BACKENDS: backends.map((port) => `127.0.0.1:${port}`).join(' '),
      LB_HEALTH_CHECK_URL: checked
    },
    { cwd: image }
  )
  const port = await balancer.listening()
  const bodies = await Promise.all(
    Array.from({ length: 40 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
  )
  t.match(bodies.join(), 'Server A')
  t.match(bodies.join(), 'Server B')

  const check = (at: number) => run(scriptBehind(FINAL, /^HEALTHCHECK .* CMD/), { PORT: `${at}` }, image)
  t.equal((await check(port)).code, 0)
  balancer.kill('SIGTERM')
  t.equal(await balancer.untilEnded(), 0)
  t.equal((await check(port)).code, 1, 'where nobody answers')
})

test('a balancer without backends is not healthy', async (t) => {
  const balancer = new Child(t, ['dist/bin/lb.js'], { PORT: '0', LB_BACKENDS: '127.0.0.1:1' })
  const env = { PORT: `${await balancer.listening()}` }
  t.equal((await run(['deploy/healthcheck.js'], env)).code, 1)
})

test('the paths that the files name exist', async (t) => {
  const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, list]) =>
    list!.split(' ')
  )
  t.ok(copied.length > 2)
  for (const source of copied) t.ok(existsSync(path.join(ROOT, source)), source)
  t.equal(/^\s*context: (.*)$/m.exec(COMPOSE)?.[1], '..')
  t.equal(/^\s*dockerfile: (.*)$/m.exec(COMPOSE)?.[1], 'deploy/Dockerfile')
  t.ok(existsSync(path.join(ROOT, 'deploy/Dockerfile.dockerignore')), 'which is found by its name')
  t.match(FINAL, 'COPY --from=build /opt/package ')
})

test('the container is not root, and is given the time to drain', async (t) => {
  t.match(FINAL, /^USER [1-9]\d*:[1-9]\d*$/m)
  t.match(FINAL, /^STOPSIGNAL SIGTERM$/m)
  t.ok(Number(/stop_grace_period: (\d+)s/.exec(COMPOSE)?.[1]) * 1000 > closeGraceDelay)
  t.ok(Number(/docker stop -t (\d+)/.exec(DOCKERFILE)?.[1]) * 1000 > closeGraceDelay)
  const [inner, outer] = [/ports:\s+- "\d+:(\d+)"/, /PORT=(\d+)/].map(
    (port, i) => port.exec([COMPOSE, FINAL][i]!)?.[1]
  )
  t.equal(inner, outer)
})
