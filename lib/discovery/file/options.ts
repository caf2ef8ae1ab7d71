/** A file with members. */
export interface FileGiven {
  readonly path: string
}
