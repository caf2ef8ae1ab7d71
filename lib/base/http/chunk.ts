const CRLF = Buffer.from('\r\n')

/** The line before a chunk (RFC 9112 section 7.1). */
export const chunkLine = (bytes: number): string => `${bytes.toString(16)}\r\n`

/** A part of a body as a chunk, without a copy of it. */
export const chunkOf = (part: Buffer): Buffer[] => [Buffer.from(chunkLine(part.length), 'latin1'), part, CRLF]
