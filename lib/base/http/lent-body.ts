import type { IncomingMessage } from 'node:http'

/** A request whose body can be taken past its stream, in parts that are lent. */
export interface LentBody extends IncomingMessage {
  /** Takes a part, whose memory the next read of any socket overwrites. Absent: the parts go through the stream. */
  borrower: ((part: Buffer) => void) | undefined
  /** Whether the next read may be a large one. */
  readsBulk: boolean
}

/** The request as one whose body is lent; undefined if it goes through its stream. */
export const lentBodyOf = (req: IncomingMessage): LentBody | undefined =>
  'borrower' in req ? (req as LentBody) : undefined
