/** How a backend answers; `/health` stays at 200 whatever `mode` and `delayMs` say. */
export interface Behaviour {
  /** From the arrival of a request to its answer. A failing answer (`error`) does not wait. */
  delayMs: number
  /** `error` answers 500 at once; `reset` breaks the connection in the middle of the body. */
  mode: 'ok' | 'error' | 'reset'
  /** The port is closed, and open connections end after the answer that they are at. */
  refusing: boolean
}

/** What a backend does when nothing is wrong with it. */
export const wellBehaved: Behaviour = { delayMs: 2, mode: 'ok', refusing: false }

/** What a backend enters in its ledger, a character each: a file, as that survives whatever ends the backend. */
export const Entry = {
  /** A request, health checks apart. */
  arrived: 'r',
  /** Answers: 200, 500, and 200 with a body that breaks off. */
  ok: '2',
  error: '5',
  broken: 'x'
} as const

/** What a backend tells its parent. */
export type BackendMessage =
  | { type: 'listening' }
  /** The behaviour that was asked for is in force. */
  | { type: 'set' }
  /** Requests that arrived since the last message, health checks apart, as pairs of a bin of the clock and a count. */
  | { type: 'arrivals'; counts: [bin: number, count: number][] }

/** Width of the bins that arrivals are counted in. */
export const arrivalBinMs = 50
