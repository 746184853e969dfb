const POOLERS = ['auto', 'session', 'transaction'] as const;

/**
 * What stands between this process and the server, as the connection string
 * says it: a pooler that gives a session for as long as the connection is
 * open, one that gives it for a transaction only, or whatever is found.
 */
export type PoolerSetting = (typeof POOLERS)[number];

/** @throws Error when there is no such setting. */
export function parsePooler(text: string | undefined): PoolerSetting {
  const pooler = POOLERS.find((each) => each === (text ?? 'auto'));
  if (pooler === undefined) throw new Error(`pooler must be one of ${POOLERS.join(', ')}`);
  return pooler;
}
