const POOLERS = ['auto', 'session', 'transaction'] as const;

/**
 * How the pooler between this process and the server assigns sessions. `session`: for
 * as long as the connection is open. `transaction`: for each transaction. `auto`:
 * detect it.
 */
export type PoolerSetting = (typeof POOLERS)[number];

/** @throws Error when there is no such setting. */
export function parsePooler(text: string | undefined): PoolerSetting {
  const pooler = POOLERS.find((each) => each === (text ?? 'auto'));
  if (pooler === undefined) throw new Error(`pooler must be one of ${POOLERS.join(', ')}`);
  return pooler;
}
