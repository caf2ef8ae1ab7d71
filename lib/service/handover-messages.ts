/** What a process that is to take over tells the one before it: that it serves, or why it never will. */
export type SuccessorMessage =
  | { readonly kind: 'ready'; readonly pid: number; readonly version: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** What it is told: that it has taken over. */
export interface PredecessorMessage {
  readonly kind: 'take over'
}
