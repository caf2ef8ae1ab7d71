import type { Test } from 'tap'
import type { Registry } from '../../lib/pool/registry.js'
import { RawClient } from './raw-client.js'

export const GET_EVENTS = 'GET /__lb/events HTTP/1.1\r\nHost: x\r\n\r\n'

export interface StreamEvent {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly data: any
}

/** Backends of which there can be much to tell. */
export const TALKED_OF = Array.from({ length: 300 }, (_, i) => `127.0.0.1:${i + 1}`).join(' ')

/** Makes the next event, and each first one, longer than what the system holds between two sockets. */
export function giveMuchToTell(registry: Registry): void {
  for (const backend of registry.backends) {
    const state = backend.state === 'healthy' ? 'unhealthy' : 'healthy'
    registry.setState(backend, state, 'x'.repeat(20_000))
  }
}

/** One who listens to the events of a balancer. */
export class EventListener {
  private constructor(readonly client: RawClient) {}

  static async open(t: Test, port: number, request = GET_EVENTS): Promise<EventListener> {
    const client = await RawClient.open(t, port)
    client.send(request)
    await client.until((text) => text.includes('\r\n\r\n'))
    return new EventListener(client)
  }

  get head(): string {
    return this.client.received.toString('latin1').split('\r\n\r\n', 1)[0]!
  }

  /** What has come so far, without the framing of chunks. */
  get text(): string {
    const [, ...parts] = this.client.received.toString('utf8').split('\r\n\r\n')
    return parts.join('\r\n\r\n').replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
  }

  /** The events that have come whole. */
  get events(): StreamEvent[] {
    return [...this.text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, name, data]) => ({
      name: name!,
      data: JSON.parse(data!)
    }))
  }

  /** Waits for the event of this number, from 0. */
  async event(number: number, timeoutMs = 10_000): Promise<StreamEvent> {
    await this.client.until(() => this.events.length > number, timeoutMs)
    return this.events[number]!
  }
}
