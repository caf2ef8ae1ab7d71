import { type Answer, answerIn } from './answer.js'
import type { Exchange, ExchangeListener, Query } from './exchange.js'
import type { Question, Reply } from './message.js'
import type { ResolverConfig } from './resolv-conf.js'
import type { Server } from './server.js'
import type { ServerOrder } from './server-order.js'
import { sendByTcp } from './tcp.js'
import { sendByUdp } from './udp.js'

/** Codes by which servers that do not know EDNS refuse it (RFC 6891 section 7). */
const WITHOUT_EDNS = new Set(['FORMERR', 'NOTIMP'])

/**
 * One question, on its way to one server after the other. A server that is silent is asked again after the others, and its
 * late reply is still taken. One that refuses is not asked again.
 */
export class Asking {
  readonly #question: Question
  readonly #config: ResolverConfig
  readonly #order: ServerOrder
  readonly #done: (answer: Answer) => void
  /** Those still to be asked. */
  readonly #waiting: Server[]
  #current: Server | undefined
  /** By server: why it has not answered. */
  readonly #reasons = new Map<Server, string>()
  readonly #refusing = new Set<Server>()
  readonly #underway = new Set<Exchange>()
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  /** @param done called once, not before `start` */
  constructor(
    question: Question,
    config: ResolverConfig,
    order: ServerOrder,
    done: (answer: Answer) => void
  ) {
    this.#question = question
    this.#config = config
    this.#order = order
    this.#done = done
    const servers = order.next(config)
    this.#waiting = Array.from({ length: config.attempts }, () => servers).flat()
  }

  start(): void {
    this.#next()
  }

  /** Ends it at once. */
  end(answer: Answer): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    for (const exchange of this.#underway) exchange.close()
    this.#done(answer)
  }

  #next(): void {
    let server = this.#waiting.shift()
    while (server && this.#refusing.has(server)) server = this.#waiting.shift()
    if (server) this.#send({ server, question: this.#question, isExtended: true }, this.#config.isTcpOnly)
    else this.end({ kind: 'failed', reason: this.#reason })
  }

  get #reason(): string {
    return [...this.#reasons].map(([{ address }, reason]) => `${address}: ${reason}`).join(', ')
  }

  #send(query: Query, isTcp: boolean): void {
    const { server } = query
    this.#current = server
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#onTimeout(server), this.#config.timeoutMs).unref()
    const listener: ExchangeListener = {
      onReply: (reply) => {
        this.#underway.delete(exchange)
        this.#order.onReply(server)
        this.#onReply(reply, query, isTcp)
      },
      onTruncated: () => {
        this.#underway.delete(exchange)
        this.#send(query, true)
      },
      onOdd: (reason) => this.#reasons.set(server, reason),
      onFailure: (reason) => {
        this.#underway.delete(exchange)
        this.#order.onSilent(server)
        this.#onRefusal(server, reason)
      }
    }
    const exchange = (isTcp ? sendByTcp : sendByUdp)(query, listener)
    this.#underway.add(exchange)
  }

  #onReply(reply: Reply, query: Query, isTcp: boolean): void {
    const { code } = reply
    if (code === 'NOERROR' || code === 'NXDOMAIN') this.end(answerIn(reply, this.#question))
    else if (query.isExtended && WITHOUT_EDNS.has(code)) this.#send({ ...query, isExtended: false }, isTcp)
    else this.#onRefusal(query.server, code)
  }

  #onTimeout(server: Server): void {
    this.#order.onSilent(server)
    if (!this.#reasons.has(server)) this.#reasons.set(server, 'timeout')
    this.#next()
  }

  #onRefusal(server: Server, reason: string): void {
    this.#reasons.set(server, reason)
    this.#refusing.add(server)
    if (server === this.#current) this.#next()
  }
}
