const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** `target_session_attrs`, with libpq's meanings. */
export type SessionTarget = (typeof TARGETS)[number];

/** @throws Error when there is no such target. */
export function parseSessionTarget(text: string | undefined): SessionTarget {
  const target = TARGETS.find((each) => each === (text ?? 'any'));
  if (target === undefined) throw new Error(`target_session_attrs must be one of ${TARGETS.join(', ')}`);
  return target;
}
