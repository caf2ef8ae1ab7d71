/** What has become of the requests of a mirror's share. */
export interface MirrorCounts {
  /** Answered as a whole. */
  mirrorsAnswered: number
  /** Sent, and not answered as a whole. */
  mirrorsFailed: number
  /** Not sent: there was no backend, too much under way, or the body was too large. */
  mirrorsSkipped: number
}
