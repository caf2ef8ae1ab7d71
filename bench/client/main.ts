import type { Task } from '../client'
import { holdIdle, holdUnread } from './holders'
import { holdIdleHttp2 } from './http2-answer'
import { openLoop } from './open'
import { shared } from './shared'
import { storm } from './storm'

// Usage: node main.js TASK, in JSON. Prints one line of JSON; a task that holds connections then keeps them open.

async function perform(task: Task): Promise<object> {
  const [target] = task.targets as [Task['targets'][0]]
  const { connections, streams = 1, seconds } = task
  switch (task.kind) {
    case 'storm':
      return storm(target, connections, seconds)
    case 'open':
      return openLoop(task.targets, connections, task.rate, seconds)
    case 'shared':
      return shared(target, connections, streams, seconds)
    case 'idle-http2':
      return { held: await holdIdleHttp2(target, connections) }
    case 'idle':
      return { held: await holdIdle(target, connections) }
    case 'unread':
      return { held: await holdUnread(target, connections, seconds) }
  }
}

const task = JSON.parse(process.argv[2]!) as Task
perform(task).then((result) => {
  console.log(JSON.stringify(result))
  if ('held' in result) setInterval(() => {}, 60_000)
  else process.exit()
})
