import type { PredecessorMessage, SuccessorMessage } from './handover-messages.js'

/** The part of `process` that is a channel to the process that has started this one. */
export type ParentChannel = Pick<NodeJS.Process, 'connected' | 'disconnect' | 'off' | 'on' | 'send'>

/** The process whose sockets this one was handed, and which goes on until this one is ready. */
export class Predecessor {
  readonly #channel: ParentChannel

  constructor(channel: ParentChannel) {
    this.#channel = channel
  }

  /** Tells it why this process will not be ready. */
  fail(reason: string): void {
    this.#send({ kind: 'failed', reason })
  }

  /**
   * Tells it that this process serves. Resolves when it has stopped to accept connections, or is gone: then there is no
   * other that serves.
   */
  async takeOver(version: string): Promise<void> {
    const channel = this.#channel
    if (!channel.connected) return
    await new Promise<void>((resolve) => {
      const onMessage = ({ kind }: PredecessorMessage) => {
        if (kind === 'take over') resolve()
      }
      channel.on('message', onMessage as NodeJS.MessageListener)
      channel.on('disconnect', resolve)
      this.#send({ kind: 'ready', pid: process.pid, version })
    })
    if (channel.connected) channel.disconnect()
  }

  /** It may be gone, which `disconnect` tells. */
  #send(message: SuccessorMessage): void {
    if (this.#channel.connected) this.#channel.send!(message, undefined, undefined, () => {})
  }
}
