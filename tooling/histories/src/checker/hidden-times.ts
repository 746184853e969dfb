import type { History, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';
import { nothingReleased } from './released.ts';
import { type Span, takingOf } from './taking.ts';

/**
 * Times in which items of a partition may have been hidden from consumers without
 * a delivery: taken by an undone lease, or locked by a failed statement. Skipping
 * an item in such a time proves nothing.
 */
export class HiddenTimes {
  readonly #history: History;
  readonly #allowances: Allowances;
  /** The longest time of an undone lease. */
  readonly #holdMs: number;
  #known: readonly Span[] | undefined;

  constructor(history: History, allowances: Allowances) {
    this.#history = history;
    this.#allowances = allowances;
    this.#holdMs = history.leaseTimeoutMs + allowances.sweepMs;
  }

  /** Whether a time overlaps one of them. */
  overlaps({ from, to }: Span): boolean {
    const spans = this.#spans();
    // Only the first one that ends at or after the beginning matters.
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle] as Span).to < from) low = middle + 1;
      else high = middle;
    }
    const span = spans[low];
    return span !== undefined && span.from <= to;
  }

  #spans(): readonly Span[] {
    if (this.#known !== undefined) return this.#known;
    const undoMs = this.#holdMs + this.#allowances.headMs;
    const disturbed = this.#history.disturbances.map(({ from, to }) => ({ from, to: to + undoMs }));
    const undone = this.#history.operations
      .filter((operation) => operation.call === 'lease')
      .filter(({ queue }) => queue === undefined)
      .filter((lease) => this.#mayHaveBeenUndone(lease))
      .map(({ invoked, returned }) => ({ from: invoked, to: returned + undoMs }));
    const spans = merged([...disturbed, ...undone]);
    this.#known = spans;
    return spans;
  }

  /** Whether items taken for a request may have been put back, unless the server reports none. */
  #mayHaveBeenUndone(lease: Lease): boolean {
    const { instance, invoked: from, returned } = lease;
    return (
      this.#wasServedOtherwise(lease) &&
      !nothingReleased(this.#history, instance, { from, to: returned + this.#holdMs })
    );
  }

  /**
   * Whether another statement than the first one may have served a request, so that
   * the first took items for nobody.
   *
   * - The consumer left, or its time was up.
   * - The statement was slow, and another partition served the request. With one
   *   partition the request waits.
   * - It got items taken for another such request, before it was sent or by a slow
   *   statement.
   * - The server slept until the lease was over, and did not deliver the items.
   */
  #wasServedOtherwise(lease: Lease): boolean {
    const [first] = lease.given;
    if (lease.outcome !== 'ok' || first === undefined) return true;
    const { leaseTimeoutMs, partitions } = this.#history;
    const { clockMs, slowMs } = this.#allowances;
    const takenBy = takingOf(lease, first, { leaseTimeoutMs, clockMs }).from + 2 * clockMs;
    if (takenBy - lease.invoked >= leaseTimeoutMs) return true;
    return partitions > 1 && (lease.returned - lease.invoked >= slowMs || takenBy < lease.invoked);
  }
}

/** The same times as disjoint spans, in order. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && span.from <= last.to) {
      result[result.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    } else {
      result.push(span);
    }
  }
  return result;
}
