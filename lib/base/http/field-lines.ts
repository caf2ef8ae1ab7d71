/**
 * Fields as they stand in a message, each a line with its CRLF.
 * @param flat names and values in turn
 */
export function fieldLines(flat: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < flat.length; i += 2) lines += `${flat[i]}: ${flat[i + 1]}\r\n`
  return lines
}
