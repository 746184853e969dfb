import type { Given, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';

/** A time: not before the one moment, and not after the other. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * When an item of an answer was taken in storage. The deadline tells: it is
 * one lease timeout after the statement began. So a consumer that waited is
 * told from one that was served slowly, and it shows where items had been
 * fetched before they were asked for, for somebody else.
 */
export function takingOf(
  { returned }: Lease,
  { deadline }: Given,
  { leaseTimeoutMs, clockMs }: { readonly leaseTimeoutMs: number } & Pick<Allowances, 'clockMs'>,
): Span {
  return { from: Math.min(deadline - leaseTimeoutMs - clockMs, returned), to: returned };
}
