/** A callback that calls both, if there is a first one. */
export function inTurn(first: (() => void) | undefined, second: () => void): () => void {
  return first
    ? () => {
        first()
        second()
      }
    : second
}
