import type { History, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';
import { nothingReleased } from './released.ts';
import { type Span, takingOf } from './taking.ts';

/**
 * Times in which items of a partition may have been hidden from consumers
 * although nobody was given them: taken by a lease that was undone, or locked
 * by a statement that failed. What was passed over in such a time proves
 * nothing.
 */
export class Shadows {
  readonly #history: History;
  readonly #allowances: Allowances;
  /** How long a lease that is undone may last. */
  readonly #holdMs: number;
  #known: readonly Span[] | undefined;

  constructor(history: History, allowances: Allowances) {
    this.#history = history;
    this.#allowances = allowances;
    this.#holdMs = history.leaseTimeoutMs + allowances.sweepMs;
  }

  /** Whether a shadow falls on a time. */
  fallOn({ from, to }: Span): boolean {
    const spans = this.#spans();
    // The first that ends at or after the beginning is the only one that matters.
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
      .filter((lease) => this.#mayHaveBeenUndone(lease))
      .map(({ invoked, returned }) => ({ from: invoked, to: returned + undoMs }));
    const spans = merged([...disturbed, ...undone]);
    this.#known = spans;
    return spans;
  }

  /** Whether something that was fetched for a request may have been put back, unless the server says that nothing was. */
  #mayHaveBeenUndone(lease: Lease): boolean {
    const { instance, invoked: from, returned } = lease;
    return (
      this.#wasServedOtherwise(lease) &&
      !nothingReleased(this.#history, instance, { from, to: returned + this.#holdMs })
    );
  }

  /**
   * Whether a request may have been served otherwise than by the statement
   * that was first sent for it, which then brought items for nobody.
   *
   * - The consumer left, or its time was up.
   * - The statement was slow, and another partition served it. With one
   *   partition there is none, and what took long was waited for.
   * - It was given what had been fetched for another of whom this is true,
   *   earlier than it asked or by a slow statement.
   * - The server slept until the lease was over, and did not hand it out.
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

/** The same times as spans that do not touch, in order. */
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
