/**
 * Stable words for the reasons of failures, which programs may compare. A reply has
 * them in `details.code` (docs/reference/errors.md). Many failures have none.
 */
export const ERROR_REASONS = [
  'lease_lost',
  'not_leased',
  'no_such_item',
  'no_such_queue',
  'queue_exists',
  'queue_paused',
  'not_empty',
  'changed',
  'no_such_partition',
  'no_such_record',
  'over_limit',
  'too_large',
  'unavailable',
  'outcome_unknown',
] as const;

/** One of {@link ERROR_REASONS}. */
export type ErrorReason = (typeof ERROR_REASONS)[number];
