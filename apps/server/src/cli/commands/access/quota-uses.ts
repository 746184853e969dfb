import type { QuotaLimits, QuotasGetResponse, QuotaUsage } from '@querator/protocol';

/** The limits of a quota, in the order of tables. */
const LIMITS = [
  ['queues', 'queues'],
  ['partitions', 'partitions'],
  ['items-waiting', 'itemsWaiting'],
  ['bytes-waiting', 'bytesWaiting'],
  ['requests-per-second', 'requestsPerSecond'],
  ['items-per-second', 'itemsPerSecond'],
  ['waiting-consumers', 'waitingConsumers'],
  ['connections', 'connections'],
] as const satisfies readonly (readonly [string, keyof QuotaLimits & keyof QuotaUsage])[];

/** What a namespace or key uses of one limit. */
export interface QuotaUse {
  /** The name of its flag. */
  readonly limit: string;
  readonly used: number;
  /** 0: there is no limit. */
  readonly allowed: number;
}

/** What is used of each limit: of those that are set, and of the others if anything is used. */
export function usesOf({ limits, usage }: QuotasGetResponse): readonly QuotaUse[] {
  return LIMITS.map(([limit, field]) => ({
    ...{ limit, used: usage?.[field] ?? 0, allowed: limits?.[field] ?? 0 },
  })).filter(({ used, allowed }) => used > 0 || allowed > 0);
}

/** The cells of a table: limit, used, allowed. */
export function cellsOf({ limit, used, allowed }: QuotaUse): readonly string[] {
  return [limit, String(used), allowed === 0 ? '-' : String(allowed)];
}
