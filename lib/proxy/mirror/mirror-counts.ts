/**
 * What has become of a request of a mirror's share: answered as a whole; sent, and not answered as a whole; or not sent, as
 * there was no backend, too much under way, or its body was too large.
 */
export const MIRROR_OUTCOMES = ['answered', 'failed', 'skipped'] as const
export type MirrorOutcome = (typeof MIRROR_OUTCOMES)[number]

export interface MirrorCounts {
  countMirror(outcome: MirrorOutcome): void
}
