import type { History, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Times in which items of a partition may have been hidden from consumers
 * although nobody was given them: taken by a lease that was undone, or locked
 * by a statement that failed. What was passed over in such a time proves
 * nothing.
 */
export class Shadows {
  readonly #history: History;
  readonly #allowances: Allowances;
  #known: readonly Span[] | undefined;

  constructor(history: History, allowances: Allowances) {
    this.#history = history;
    this.#allowances = allowances;
  }

  /** Whether a shadow falls on a call. */
  fallOn({ invoked, returned }: { invoked: number; returned: number }): boolean {
    const spans = this.#spans();
    // The first that ends at or after the beginning of the call is the only one that matters.
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle] as Span).to < invoked) low = middle + 1;
      else high = middle;
    }
    const span = spans[low];
    return span !== undefined && span.from <= returned;
  }

  #spans(): readonly Span[] {
    if (this.#known !== undefined) return this.#known;
    const { undoMs } = this.#allowances;
    const disturbed = this.#history.disturbances.map(({ from, to }) => ({ from, to: to + undoMs }));
    const undone = this.#history.operations
      .filter((operation) => operation.call === 'lease')
      .filter((lease) => this.#mayHaveBeenUndone(lease))
      .map(({ invoked, returned }) => ({ from: invoked, to: returned + undoMs }));
    const spans = merged([...disturbed, ...undone]);
    this.#known = spans;
    return spans;
  }

  /**
   * A lease that ended without items may have had some fetched for it. So may
   * one that took long: when a statement is slow, what it was sent for is served
   * by another one, on this partition or elsewhere.
   */
  #mayHaveBeenUndone({ outcome, invoked, returned }: Lease): boolean {
    return outcome !== 'ok' || returned - invoked >= this.#allowances.slowMs;
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
