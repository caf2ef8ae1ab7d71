import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { Connection, type Target } from './connection'

const openedAtOnce = 64

/**
 * Connections that stay open, unused, after one request each. Resolves with how many had their answer.
 * @param open opens one; resolves with whether it had its answer
 */
export async function holdIdle(target: Target, connections: number, open = openOne): Promise<number> {
  let opened = 0
  let answered = 0
  const openNext = async () => {
    while (opened++ < connections) if (await open(target)) answered++
  }
  await Promise.all(Array.from({ length: openedAtOnce }, openNext))
  return answered
}

function openOne(target: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = new Connection(target, {
      connected: () => connection.send(),
      answered: (status) => resolve(status < 400),
      lost: () => resolve(false)
    })
  })
}

/** Clients that ask for something and read nothing of it, after the time in which that fills what it can. */
export async function holdUnread(target: Target, connections: number, fillSeconds: number): Promise<number> {
  let connected = 0
  for (let index = 0; index < connections; index++) {
    const socket = new net.Socket()
    socket.on('error', () => {})
    // Node would read a little before anybody asks for it.
    socket.pause()
    socket.connect({ host: '127.0.0.1', port: target.port }, () => {
      connected++
      socket.write(`GET ${target.path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\n`)
    })
  }
  await sleep(fillSeconds * 1000)
  return connected
}
