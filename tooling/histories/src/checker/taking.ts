import type { Given, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';

/** A point in time between two limits. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The time at which storage took an item: one lease timeout before its deadline.
 * It distinguishes a waiting consumer from a slow answer, and shows items that
 * were taken before the request, for another one.
 */
export function takingOf(
  { returned }: Lease,
  { deadline }: Given,
  { leaseTimeoutMs, clockMs }: { readonly leaseTimeoutMs: number } & Pick<Allowances, 'clockMs'>,
): Span {
  return { from: Math.min(deadline - leaseTimeoutMs - clockMs, returned), to: returned };
}
